// delivery_queues - which delivery comes next: per destination, in turn, within windows, limits and back-off
//
// Pure memory: time is given, files and sockets are elsewhere. A destination is a mailbox. Each has a window: how many
// of its deliveries may run at once. It grows by one with each success up to the limit, and halves with each failure
// that may pass; after several in a row the destination rests, from one interval of the retry schedule to the last, and
// then shows with one delivery whether it is well again. Destinations that may start something stand in a ring, each in
// its turn, so a slow or long one holds no other up. Mail for other hosts waits in a line of its own.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "send/message_table.h"
#include "send/retry_schedule.h"

namespace postern {

struct DeliveryLimits {
  std::uint32_t in_all = 20;  // 0 halts
  std::uint32_t a_mailbox = 5;
};

enum class Verdict : unsigned char { success, passing_failure, final_failure, unknown };

class Queues {
 public:
  MessageTable& table() { return table_; }
  const MessageTable& table() const { return table_; }
  void set_limits(const DeliveryLimits& limits);
  void set_schedule(const RetrySchedule& schedule) { schedule_ = schedule; }

  void assign(Index job, const std::string& mailbox);  // of a job that is neither ready nor running
  void assign_elsewhere(Index job);
  void make_ready(Index job);
  void make_running(Index job);    // it runs already: an earlier queue-send started it
  void unready(Index job);         // of a job that is ready: waiting, without a time
  void wait(Index job, Tick due);  // of a job that is not ready
  void remove(Index job);          // of a job that is not ready

  Index next(Tick now);                                 // a mailbox delivery to start now, running from here on; or no_index
  Index next_elsewhere();                               // a job for another host, waiting from here on; or no_index
  void give_back(Index job);                            // what next() gave could not be started: first of its destination again
  void finished(Index job, Verdict verdict, Tick now);  // no longer running, and waiting from here on

  void advance(Tick now);  // what is due becomes ready
  Tick next_due() const;   // when advance() has something to do; the end of time if never
  void flush(Index message);
  void flush_all();

  std::uint32_t running() const { return running_; }
  std::size_t destinations() const { return names_.size(); }
  const std::string& name_of(Index destination) const { return *destinations_[destination].name; }
  bool has_elsewhere() const { return elsewhere_.first != no_index; }
  static constexpr Tick never = 0xffffffffu;

 private:
  struct Line {  // of ready jobs
    Index first = no_index;
    Index last = no_index;
  };
  struct Destination {
    const std::string* name = nullptr;  // the key in names_
    Line ready;
    std::uint32_t jobs = 0;  // that name this destination
    std::uint32_t running = 0;
    std::uint32_t window = 0;
    std::uint32_t failures = 0;  // in a row
    std::uint32_t rests = 0;     // in a row
    Tick rest_until = 0;
    bool is_in_ring = false;
  };
  struct Timer {
    Tick due;
    Index index;
    bool is_rest;  // of a destination, not of a job
    friend bool operator>(const Timer& a, const Timer& b) { return a.due > b.due; }
  };

  void append(Line& line, Index job);
  Index take(Line& line);
  void take_out(Line& line, Index job);
  void add_timer(Tick due, Index index, bool is_rest);
  void enter_ring(Index destination);
  void rest(Index destination, Tick now);
  void leave(Index job);  // its destination
  void release_if_idle(Index destination);
  bool may_start(const Destination& destination) const;
  std::uint32_t window_of(const Destination& destination) const;

  MessageTable table_;
  DeliveryLimits limits_;
  RetrySchedule schedule_;
  std::deque<Destination> destinations_;
  std::vector<Index> free_destinations_;
  std::unordered_map<std::string, Index> names_;
  std::deque<Index> ring_;
  Line elsewhere_;
  std::vector<Timer> timers_;  // a heap, earliest first; entries of jobs that moved on are skipped
  std::uint32_t running_ = 0;
  Tick now_ = 0;
};

}  // namespace postern
