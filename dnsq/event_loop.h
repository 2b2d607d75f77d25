// event_loop - one epoll for everything that dnsqd waits for: its clients', its servers', and time
//
// An Event is a descriptor, a length of time, or both, and what to do when one of them is ready. Actions may start, stop
// and destroy any event, their own too. Nothing here blocks but run_once().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

class Event;

// Of one whose other side is gone, or that is broken: all but is_timed_out.
enum Readiness : unsigned { is_readable = 1, is_writable = 2, is_timed_out = 4, is_ended = 8 };

class EventLoop {
 public:
  static Result<EventLoop> make();

  // Waits until something is ready, and does what is to be done then.
  Status run_once();

 private:
  friend class Event;
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  int wait_milliseconds() const;
  void expire();

  using Timers = std::multimap<Milliseconds, Event*>;
  Fd epoll_;
  Timers timers_;
  std::unordered_map<std::uint64_t, Event*> watched_;  // by the number that epoll gives back: none comes twice
  std::uint64_t last_number_ = 0;
};

class Event {
 public:
  using Action = void (*)(void* context, unsigned readiness);
  // A descriptor of -1: time only. The loop outlives it.
  Event(EventLoop& loop, int fd, Action action, void* context) : loop_(loop), fd_(fd), action_(action), context_(context) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { stop(); }

  // Waits for these, at most so long; again and again when it persists, else once. Starting anew replaces what was.
  Status start(unsigned readiness, std::optional<Milliseconds> wait, bool persists);
  void stop();
  bool is_started() const { return is_started_; }
  int fd() const { return fd_; }
  void set_fd(int fd);  // of one that is not started
  void set_action(Action action, void* context) { action_ = action, context_ = context; }

 private:
  friend class EventLoop;
  void fire(unsigned readiness);
  void start_timer();
  void stop_timer();

  EventLoop& loop_;
  int fd_;
  Action action_;
  void* context_;
  bool is_started_ = false;
  bool persists_ = false;
  std::uint64_t number_ = 0;  // in epoll; 0 is none
  std::optional<Milliseconds> wait_;
  std::optional<EventLoop::Timers::iterator> timer_;
};

}  // namespace postern
