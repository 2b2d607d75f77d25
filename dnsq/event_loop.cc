#include "dnsq/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace postern {
namespace {

constexpr int longest_wait = 60'000;
constexpr std::size_t events_at_once = 64;

unsigned readiness_of(std::uint32_t events) {
  unsigned readiness = 0;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readiness |= is_readable;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) readiness |= is_writable;
  if (events & (EPOLLHUP | EPOLLERR)) readiness |= is_ended;
  return readiness;
}

}  // namespace

Result<EventLoop> EventLoop::make() {
  Fd epoll{epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll.is_open()) return system_error("epoll");
  return EventLoop{std::move(epoll)};
}

int EventLoop::wait_milliseconds() const {
  if (timers_.empty()) return longest_wait;
  auto const left = (timers_.begin()->first - monotonic_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, longest_wait));
}

void EventLoop::expire() {
  Milliseconds const now = monotonic_now();
  while (!timers_.empty() && timers_.begin()->first <= now) timers_.begin()->second->fire(is_timed_out);
}

Status EventLoop::run_once() {
  std::array<epoll_event, events_at_once> ready;
  int const count = epoll_wait(epoll_.number(), ready.data(), static_cast<int>(ready.size()), wait_milliseconds());
  if (count < 0 && errno != EINTR) return system_error("epoll_wait");
  for (int i = 0; i < count; ++i) {
    auto const found = watched_.find(ready[static_cast<std::size_t>(i)].data.u64);
    if (found == watched_.end()) continue;  // an earlier action stopped it
    found->second->fire(readiness_of(ready[static_cast<std::size_t>(i)].events));
  }
  expire();
  return Done{};
}

Status Event::start(unsigned readiness, std::optional<Milliseconds> wait, bool persists) {
  stop();
  if (fd_ >= 0 && (readiness & (is_readable | is_writable))) {
    epoll_event event{};
    event.events = (readiness & is_readable ? EPOLLIN : 0u) | (readiness & is_writable ? EPOLLOUT : 0u);
    event.data.u64 = ++loop_.last_number_;
    if (epoll_ctl(loop_.epoll_.number(), EPOLL_CTL_ADD, fd_, &event) != 0) return system_error("epoll_ctl");
    number_ = loop_.last_number_;
    loop_.watched_.emplace(number_, this);
  }
  is_started_ = true;
  persists_ = persists;
  wait_ = wait;
  start_timer();
  return Done{};
}

void Event::stop() {
  if (number_ != 0) {
    loop_.watched_.erase(number_);
    epoll_event none{};
    epoll_ctl(loop_.epoll_.number(), EPOLL_CTL_DEL, fd_, &none);
    number_ = 0;
  }
  stop_timer();
  is_started_ = false;
}

void Event::set_fd(int fd) {
  stop();
  fd_ = fd;
}

void Event::start_timer() {
  stop_timer();
  if (wait_) timer_ = loop_.timers_.emplace(monotonic_now() + *wait_, this);
}

void Event::stop_timer() {
  if (timer_) loop_.timers_.erase(*timer_);
  timer_.reset();
}

// The action may destroy this event: nothing is touched after it.
void Event::fire(unsigned readiness) {
  if (persists_)
    start_timer();
  else
    stop();
  action_(context_, readiness);
}

}  // namespace postern
