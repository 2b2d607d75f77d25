#include "send/delivery_queues.h"

#include <algorithm>
#include <functional>

namespace postern {
namespace {

constexpr std::uint32_t first_window = 2;
constexpr std::uint32_t failures_before_rest = 5;

}  // namespace

void Queues::set_limits(const DeliveryLimits& limits) {
  limits_ = limits;
  for (Index i = 0; i < destinations_.size(); ++i) enter_ring(i);
}

void Queues::append(Line& line, Index job) {
  table_.job(job).next = no_index;
  if (line.last == no_index)
    line.first = job;
  else
    table_.job(line.last).next = job;
  line.last = job;
}

Index Queues::take(Line& line) {
  Index const job = line.first;
  if (job == no_index) return job;
  line.first = table_.job(job).next;
  if (line.first == no_index) line.last = no_index;
  return job;
}

void Queues::assign(Index job, const std::string& mailbox) {
  leave(job);
  auto const [entry, is_new] = names_.try_emplace(mailbox, no_index);
  if (is_new) {
    if (free_destinations_.empty()) {
      entry->second = static_cast<Index>(destinations_.size());
      destinations_.emplace_back();
    } else {
      entry->second = free_destinations_.back();
      free_destinations_.pop_back();
    }
    destinations_[entry->second] = Destination{};
    destinations_[entry->second].name = &entry->first;
    destinations_[entry->second].window = first_window;
  }
  table_.job(job).destination = entry->second;
  ++destinations_[entry->second].jobs;
}

void Queues::assign_elsewhere(Index job) { leave(job); }

void Queues::leave(Index job) {
  Index const destination = std::exchange(table_.job(job).destination, no_index);
  if (destination == no_index) return;
  --destinations_[destination].jobs;
  release_if_idle(destination);
}

// A destination that is well and has no jobs is forgotten; one that rests is kept until its rest is over.
void Queues::release_if_idle(Index index) {
  Destination& destination = destinations_[index];
  if (!destination.name || destination.jobs > 0 || destination.is_in_ring || destination.rest_until > now_) return;
  names_.erase(names_.find(*destination.name));
  destination = Destination{};
  free_destinations_.push_back(index);
}

void Queues::make_ready(Index index) {
  Job& job = table_.job(index);
  job.phase = Phase::ready;
  ++table_.message(job.message).active;
  if (job.destination == no_index) return append(elsewhere_, index);
  append(destinations_[job.destination].ready, index);
  enter_ring(job.destination);
}

void Queues::take_out(Line& line, Index job) {
  Index before = no_index;
  for (Index at = line.first; at != job; at = table_.job(at).next) before = at;
  Index const after = table_.job(job).next;
  (before == no_index ? line.first : table_.job(before).next) = after;
  if (line.last == job) line.last = before;
}

void Queues::unready(Index index) {
  Job& job = table_.job(index);
  take_out(job.destination == no_index ? elsewhere_ : destinations_[job.destination].ready, index);
  job.phase = Phase::waiting;
  job.due = never;
  --table_.message(job.message).active;
}

void Queues::make_running(Index index) {
  Job& job = table_.job(index);
  job.phase = Phase::running;
  ++table_.message(job.message).active;
  ++running_;
  if (job.destination != no_index) ++destinations_[job.destination].running;
}

void Queues::wait(Index index, Tick due) {
  Job& job = table_.job(index);
  job.phase = Phase::waiting;
  job.due = due;
  add_timer(due, index, false);
}

void Queues::remove(Index job) {
  leave(job);
  table_.remove_job(job);
}

void Queues::add_timer(Tick due, Index index, bool is_rest) {
  timers_.push_back({due, index, is_rest});
  std::push_heap(timers_.begin(), timers_.end(), std::greater<>{});
}

std::uint32_t Queues::window_of(const Destination& destination) const { return std::min(destination.window, limits_.a_mailbox); }

bool Queues::may_start(const Destination& destination) const {
  return destination.ready.first != no_index && destination.running < window_of(destination) && destination.rest_until <= now_;
}

void Queues::enter_ring(Index index) {
  Destination& destination = destinations_[index];
  if (destination.is_in_ring || !may_start(destination)) return;
  destination.is_in_ring = true;
  ring_.push_back(index);
}

Index Queues::next(Tick now) {
  now_ = now;
  while (running_ < limits_.in_all && !ring_.empty()) {
    Index const index = ring_.front();
    ring_.pop_front();
    Destination& destination = destinations_[index];
    destination.is_in_ring = false;
    if (!may_start(destination)) {
      release_if_idle(index);
      continue;
    }
    Index const job = take(destination.ready);
    table_.job(job).phase = Phase::running;
    ++destination.running;
    ++running_;
    enter_ring(index);
    return job;
  }
  return no_index;
}

Index Queues::next_elsewhere() {
  Index const job = take(elsewhere_);
  if (job == no_index) return job;
  table_.job(job).phase = Phase::waiting;
  --table_.message(table_.job(job).message).active;
  return job;
}

void Queues::give_back(Index index) {
  Job& job = table_.job(index);
  Destination& destination = destinations_[job.destination];
  --running_;
  --destination.running;
  job.phase = Phase::ready;
  job.next = destination.ready.first;
  destination.ready.first = index;
  if (destination.ready.last == no_index) destination.ready.last = index;
  enter_ring(job.destination);
}

void Queues::finished(Index index, Verdict verdict, Tick now) {
  now_ = now;
  Job& job = table_.job(index);
  job.phase = Phase::waiting;
  job.is_doubtful = false;
  --table_.message(job.message).active;
  --running_;
  if (job.destination == no_index) return;
  Destination& destination = destinations_[job.destination];
  --destination.running;
  if (verdict == Verdict::success) {
    destination.failures = destination.rests = 0;
    if (destination.window < limits_.a_mailbox) ++destination.window;
  } else if (verdict == Verdict::passing_failure) {
    destination.window = std::max(1u, destination.window / 2);
    if (++destination.failures >= failures_before_rest) rest(job.destination, now);
  }
  enter_ring(job.destination);
}

void Queues::rest(Index index, Tick now) {
  Destination& destination = destinations_[index];
  if (destination.rest_until > now) return;  // one of those that ran when it began to rest
  destination.window = 1;
  destination.rest_until = now + static_cast<Tick>(schedule_.interval(++destination.rests).count()) * ticks_a_second;
  add_timer(destination.rest_until, index, true);
}

void Queues::advance(Tick now) {
  now_ = now;
  while (!timers_.empty() && timers_.front().due <= now) {
    Timer const timer = timers_.front();
    std::pop_heap(timers_.begin(), timers_.end(), std::greater<>{});
    timers_.pop_back();
    if (timer.is_rest) {
      enter_ring(timer.index);
      release_if_idle(timer.index);
    } else if (timer.index < table_.jobs_end()) {
      const Job& job = table_.job(timer.index);
      if (job.phase == Phase::waiting && job.due == timer.due && table_.message(job.message).stage != Stage::removing)
        make_ready(timer.index);
    }
  }
}

Tick Queues::next_due() const { return timers_.empty() ? never : timers_.front().due; }

void Queues::flush(Index message) {
  for (Index job = table_.message(message).first_job; job != no_index; job = table_.job(job).sibling) {
    Index const destination = table_.job(job).destination;
    if (destination != no_index) destinations_[destination].rest_until = 0;
    if (table_.job(job).phase == Phase::waiting)
      make_ready(job);
    else if (destination != no_index)
      enter_ring(destination);
  }
}

void Queues::flush_all() {
  for (Destination& destination : destinations_) destination.rest_until = 0;
  for (Index job = 0; job < table_.jobs_end(); ++job)
    if (table_.job(job).phase == Phase::waiting) make_ready(job);
  for (Index i = 0; i < destinations_.size(); ++i) enter_ring(i);
  std::erase_if(timers_, [](const Timer& timer) { return !timer.is_rest; });
  std::make_heap(timers_.begin(), timers_.end(), std::greater<>{});
}

}  // namespace postern
