#include "send/delivery_queues.h"

#include <algorithm>
#include <functional>

namespace postern {
namespace {

constexpr std::uint32_t most_limit = 0xffff;

constexpr unsigned looks_for_one = 8;

std::size_t at(Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

std::uint32_t Queues::limit_of(Lane lane, const std::string& name) const {
  return std::min(lane == Lane::local ? limits_.a_mailbox : limits_.a_host.of(name), most_limit);
}

void Queues::set_limits(const DeliveryLimits& limits) {
  limits_ = limits;
  for (Index i = 0; i < targets_.size(); ++i) {
    if (!targets_[i].name) continue;
    targets_[i].limit = static_cast<std::uint16_t>(limit_of(targets_[i].lane, *targets_[i].name));
    enter_ring(i);
  }
}

void Queues::set_rates(RateLimits rates) {
  rates.take_over(std::move(rates_));
  rates_ = std::move(rates);
  for (Index i = 0; i < targets_.size(); ++i) {
    targets_[i].is_paced = false;
    enter_ring(i);
  }
}

Index Queues::target_of(Lane lane, const std::string& name) {
  auto const [entry, is_new] = names_[at(lane)].try_emplace(name, no_index);
  if (!is_new) return entry->second;
  if (free_targets_.empty()) {
    entry->second = static_cast<Index>(targets_.size());
    targets_.emplace_back();
  } else {
    entry->second = free_targets_.back();
    free_targets_.pop_back();
  }
  Target& target = targets_[entry->second];
  target = Target{};
  target.name = &entry->first;
  target.lane = lane;
  target.limit = static_cast<std::uint16_t>(limit_of(lane, name));
  target.health = Health{lane};
  return entry->second;
}

void Queues::assign(Index job, Lane lane, const std::string& destination) {
  Index const target = target_of(lane, destination);
  ++targets_[target].jobs;
  leave(job);
  table_.job(job).destination = target;
}

void Queues::leave(Index job) {
  Index const target = std::exchange(table_.job(job).destination, no_index);
  if (target == no_index) return;
  --targets_[target].jobs;
  release_if_idle(target);
}

// A destination that has no jobs is forgotten when its rest is over: a mailbox at once, a host of which something is known
// when it was not used while many others were.
void Queues::release_if_idle(Index index) {
  Target& target = targets_[index];
  if (!is_forgettable(target)) return;
  if (target.lane == Lane::local || (!target.health.has_answered() && target.health.rests() == 0)) return forget(index);
  target.was_used = true;
  if (std::exchange(target.is_listed, true)) return;
  known_.push_back(index);
  for (unsigned looked = 0; known_.size() > most_known && looked < looks_for_one; ++looked) {
    Index const oldest = known_.front();
    known_.pop_front();
    if (!std::exchange(targets_[oldest].was_used, false) && is_forgettable(targets_[oldest]))
      forget(oldest);
    else
      known_.push_back(oldest);
  }
}

bool Queues::is_forgettable(const Target& target) const {
  return target.name && target.jobs == 0 && target.running == 0 && !target.health.is_resting(now_);
}

void Queues::forget(Index index) {
  Target& target = targets_[index];
  trouble_count_ += static_cast<std::uint32_t>(troubles_.erase(index));
  std::string const name = *target.name;
  names_[at(target.lane)].erase(name);
  target = Target{};
  free_targets_.push_back(index);
}

void Queues::remember(const std::string& host, std::uint8_t rests, Tick until, std::string text) {
  Index const target = target_of(Lane::remote, host);
  targets_[target].health.remember(rests, until);
  troubles_[target] = std::move(text);
  add_timer(until, target, true);
}

std::vector<Index> Queues::resting_hosts(Tick now) const {
  std::vector<Index> hosts;
  for (auto const& [index, text] : troubles_)
    if (targets_[index].lane == Lane::remote && targets_[index].health.rests() > 0 && targets_[index].health.is_resting(now))
      hosts.push_back(index);
  return hosts;
}

void Queues::set_trouble(Index destination, std::string text) {
  troubles_[destination] = std::move(text);
  ++trouble_count_;
}

const std::string& Queues::trouble_of(Index destination) const {
  static const std::string none;
  auto const found = troubles_.find(destination);
  return found == troubles_.end() ? none : found->second;
}

void Queues::make_ready(Index index) {
  Job& job = table_.job(index);
  if (table_.message(job.message).is_held) return wait(index, now_);
  job.phase = Phase::ready;
  ++table_.message(job.message).active;
  append(targets_[job.destination].ready, index);
  enter_ring(job.destination);
}

void Queues::unready(Index index) {
  Job& job = table_.job(index);
  take_out(targets_[job.destination].ready, index);
  job.phase = Phase::waiting;
  job.due = never;
  --table_.message(job.message).active;
}

void Queues::wait(Index index, Tick due) {
  Job& job = table_.job(index);
  job.phase = Phase::waiting;
  job.due = due;
  if (due != never) add_timer(due, index, false);
}

void Queues::remove(Index job) {
  leave(job);
  table_.remove_job(job);
}

void Queues::hold(Index message) {
  table_.message(message).is_held = true;
  for (Index job = table_.message(message).first_job; job != no_index; job = table_.job(job).sibling) {
    if (table_.job(job).phase != Phase::ready) continue;
    unready(job);
    wait(job, now_);
  }
}

void Queues::release(Index message) {
  table_.message(message).is_held = false;
  for (Index job = table_.message(message).first_job; job != no_index; job = table_.job(job).sibling)
    if (table_.job(job).phase == Phase::waiting && (table_.job(job).due <= now_ || table_.job(job).due == never)) make_ready(job);
}

void Queues::unpark_all() {
  for (Index job = 0; job < table_.jobs_end(); ++job)
    if (table_.job(job).phase == Phase::waiting && table_.job(job).due == never) make_ready(job);
}

void Queues::add_timer(Tick due, Index index, bool is_target) {
  if (is_target && ++timer_order_ == 0) ++timer_order_;
  timers_.push_back({due, index, is_target ? timer_order_ : 0});
  std::push_heap(timers_.begin(), timers_.end(), std::greater<>{});
}

void Queues::advance(Tick now) {
  now_ = now;
  while (!timers_.empty() && timers_.front().due <= now) {
    Timer const timer = timers_.front();
    std::pop_heap(timers_.begin(), timers_.end(), std::greater<>{});
    timers_.pop_back();
    if (timer.target_order != 0) {
      targets_[timer.index].is_paced = false;
      enter_ring(timer.index);
      release_if_idle(timer.index);
    } else if (timer.index < table_.jobs_end()) {
      const Job& job = table_.job(timer.index);
      if (job.phase != Phase::waiting || job.due != timer.due) continue;
      const Message& message = table_.message(job.message);
      if (message.stage != Stage::removing && !message.is_held) make_ready(timer.index);
    }
  }
}

Tick Queues::next_due() const { return timers_.empty() ? never : timers_.front().due; }

void Queues::flush(Index message) {
  for (Index job = table_.message(message).first_job; job != no_index; job = table_.job(job).sibling) {
    Index const target = table_.job(job).destination;
    targets_[target].health.wake();
    if (table_.job(job).phase == Phase::waiting && !table_.message(message).is_held)
      make_ready(job);
    else
      enter_ring(target);
  }
}

void Queues::flush_all() {
  for (Target& target : targets_) target.health.wake();
  for (Index job = 0; job < table_.jobs_end(); ++job)
    if (table_.job(job).phase == Phase::waiting && !table_.message(table_.job(job).message).is_held) make_ready(job);
  for (Index i = 0; i < targets_.size(); ++i) enter_ring(i);
  std::erase_if(timers_, [](const Timer& timer) { return timer.target_order == 0; });
  std::make_heap(timers_.begin(), timers_.end(), std::greater<>{});
}

}  // namespace postern
