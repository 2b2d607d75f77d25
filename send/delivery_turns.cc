// Whose turn it is: rings of destinations, transactions that start from them, and what their ends say of a destination.
#include <algorithm>

#include "lib/core/number.h"
#include "lib/net/delivery_protocol.h"
#include "send/delivery_queues.h"

namespace postern {
namespace {

constexpr Tick longest_streak = 5 * ticks_a_second;
constexpr Tick slow_above = 5 * ticks_a_second;
constexpr Tick longest_counted = 0xffff;

}  // namespace

Queues::Ring Queues::ring_of(const Target& target) const {
  if (target.lane == Lane::local) return mailboxes;
  if (target.health.rests() > 0) return failing;
  if (!target.health.has_answered()) return unheard;
  return target.takes > slow_above ? slow : answering;
}

bool Queues::may_start(const Target& target) const {
  return target.ready.first != no_index && !target.is_paced && !target.health.is_resting(now_) &&
         target.running < std::min<std::uint32_t>(target.health.window(), target.limit);
}

// In the ring where it belongs; an entry in another one that it stood in before counts no more.
void Queues::enter_ring(Index index) {
  Target& target = targets_[index];
  if (!may_start(target)) return;
  Ring const ring = ring_of(target);
  if (std::exchange(target.ring, ring) != ring) rings_[ring].push_back(index);
}

bool Queues::is_ring_full(std::size_t ring) const {
  if (ring == mailboxes || ring == answering) return false;
  auto const eighths = [this](std::uint32_t count) { return std::max(1u, limits_.remote * count / 8); };
  std::uint32_t const lingering = running_in_[slow] + running_in_[failing];
  if (lingering + running_in_[unheard] >= eighths(6)) return true;
  if (ring == unheard) return false;
  bool const quick_ones_wait = !rings_[answering].empty();
  if (lingering >= eighths(4) || (quick_ones_wait && running_in_[ring] >= eighths(1))) return true;
  return ring == failing && running_in_[failing] >= eighths(2);
}

bool Queues::next(Lane lane, Tick now, std::vector<Index>& jobs) {
  now_ = now;
  if (running(lane) >= limit_in_all(lane)) return false;
  if (lane == Lane::local) return start_from(mailboxes, jobs);
  if (start_again(jobs)) return true;
  for (std::size_t i = 0; i < rings - answering; ++i) {
    std::size_t const ring = turn_;
    turn_ = turn_ + 1 == rings ? std::size_t{answering} : turn_ + 1;
    if (!is_ring_full(ring) && start_from(ring, jobs)) return true;
  }
  return false;
}

bool Queues::has_ready(Lane lane) const {
  return std::any_of(targets_.begin(), targets_.end(),
                     [lane](const Target& target) { return target.lane == lane && target.ready.first != no_index; });
}

bool Queues::start_from(std::size_t ring, std::vector<Index>& jobs) {
  while (!rings_[ring].empty()) {
    Index const index = rings_[ring].front();
    rings_[ring].pop_front();
    Target& target = targets_[index];
    if (target.ring != ring) continue;
    target.ring = no_ring;
    if (ring_of(target) != ring)
      enter_ring(index);
    else if (may_start(target) && start(index, now_, jobs))
      return true;
  }
  return false;
}

// Where a connection has just become idle.
bool Queues::start_again(std::vector<Index>& jobs) {
  while (!again_.empty()) {
    auto const [index, since] = again_.front();
    again_.pop_front();
    if (now_ - since < longest_streak && targets_[index].name && may_start(targets_[index]) &&
        !is_ring_full(ring_of(targets_[index])) && start(index, since, jobs))
      return true;
  }
  return false;
}

bool Queues::start(Index index, Tick streak_since, std::vector<Index>& jobs) {
  if (!has_leave(index) || !take_batch(index, jobs)) return false;
  Target& target = targets_[index];
  Index const transaction = new_transaction(index, table_.job(jobs.front()).message, ring_of(target));
  transactions_[transaction].streak_since = streak_since;
  transactions_[transaction].open = static_cast<std::uint32_t>(jobs.size());
  for (Index const job : jobs) {
    table_.job(job).phase = Phase::running;
    table_.job(job).next = transaction;
  }
  if (target.lane == Lane::remote && !rates_.is_empty()) rates_.spend(*target.name, now_);
  enter_ring(index);
  return true;
}

// Whether its rate lets it go on; else a timer calls again.
bool Queues::has_leave(Index index) {
  Target& target = targets_[index];
  if (target.lane == Lane::local || rates_.is_empty()) return true;
  Tick const when = rates_.next_at(*target.name, now_);
  if (when <= now_) return true;
  target.is_paced = true;
  add_timer(when, index, true);
  return false;
}

// The jobs of the next transaction, out of their line: here, and in make_running(), jobs become running.
bool Queues::take_batch(Index index, std::vector<Index>& jobs) {
  Target& target = targets_[index];
  jobs.clear();
  std::size_t const most = target.lane == Lane::local ? 1 : transaction_recipients_most;
  while (target.ready.first != no_index && jobs.size() < most) {
    Index const job = target.ready.first;
    if (!jobs.empty() && !is_same_run(jobs.front(), job)) break;
    take_out(target.ready, job);
    jobs.push_back(job);
  }
  if (jobs.empty()) return false;
  if (target.ready.first != no_index && is_same_run(jobs.front(), target.ready.first)) move_first_run_back(target.ready);
  return true;
}

Index Queues::new_transaction(Index target, Index message, Ring ring) {
  Index index = static_cast<Index>(transactions_.size());
  if (free_transactions_.empty()) {
    transactions_.emplace_back();
  } else {
    index = free_transactions_.back();
    free_transactions_.pop_back();
  }
  Transaction fresh;
  fresh.target = target;
  fresh.message = message;
  fresh.ring = ring;
  fresh.since = now_;
  transactions_[index] = fresh;
  ++targets_[target].running;
  ++running_[static_cast<std::size_t>(targets_[target].lane)];
  ++running_in_[fresh.ring];
  return index;
}

// Those of one message that are told of one after the other are most likely one transaction.
void Queues::make_running(Index index) {
  Job& job = table_.job(index);
  job.phase = Phase::running;
  ++table_.message(job.message).active;
  bool const joins = last_inherited_ != no_index && lane_of(job.destination) == Lane::remote &&
                     transactions_[last_inherited_].open > 0 &&
                     transactions_[last_inherited_].open < transaction_recipients_most &&
                     transactions_[last_inherited_].target == job.destination &&
                     transactions_[last_inherited_].message == job.message && transactions_[last_inherited_].is_inherited;
  if (!joins) {
    last_inherited_ =
        new_transaction(job.destination, job.message, lane_of(job.destination) == Lane::local ? mailboxes : answering);
    transactions_[last_inherited_].is_inherited = true;
  }
  ++transactions_[last_inherited_].open;
  job.next = last_inherited_;
}

void Queues::give_back(const std::vector<Index>& jobs) {
  if (jobs.empty()) return;
  Index const target = table_.job(jobs.front()).destination;
  for (std::size_t i = jobs.size(); i-- > 0;) {
    Job& job = table_.job(jobs[i]);
    Index const transaction = job.next;
    job.phase = Phase::ready;
    prepend(targets_[target].ready, jobs[i]);
    if (--transactions_[transaction].open == 0) end(transaction);
  }
}

bool Queues::finished(Index index, Verdict verdict, Tick now) {
  now_ = now;
  Job& job = table_.job(index);
  job.phase = Phase::waiting;
  job.due = never;
  job.is_doubtful = false;
  --table_.message(job.message).active;
  Index const transaction = job.next;
  bool const begins_rest = note(transactions_[transaction], verdict);
  if (--transactions_[transaction].open == 0) end(transaction);
  return begins_rest;
}

bool Queues::note(Transaction& transaction, Verdict verdict) {
  Target& target = targets_[transaction.target];
  if (verdict == Verdict::success || (verdict == Verdict::refused && target.lane == Lane::remote)) {
    transaction.has_success = transaction.has_success || verdict == Verdict::success;
    if (std::exchange(transaction.has_answered, true)) return false;
    Tick const before = target.health.rest_until();
    target.health.answered(now_);
    trouble_count_ += static_cast<std::uint32_t>(troubles_.erase(transaction.target));
    if (target.health.rest_until() < before) add_timer(target.health.rest_until(), transaction.target, true);
    return false;
  }
  if ((verdict != Verdict::passing_failure && verdict != Verdict::unreachable) || std::exchange(transaction.has_failed, true))
    return false;
  if (!target.health.failed(schedule_.of(*target.name), now_)) return false;
  add_timer(target.health.rest_until(), transaction.target, true);
  return true;
}

void Queues::end(Index index) {
  Transaction const ended = transactions_[index];
  free_transactions_.push_back(index);
  Target& target = targets_[ended.target];
  --target.running;
  --running_[static_cast<std::size_t>(target.lane)];
  --running_in_[ended.ring];
  if (ended.has_answered) {
    Tick const took = std::min(now_ - ended.since, longest_counted);
    target.takes = static_cast<std::uint16_t>(target.takes == 0 ? took : (target.takes * 3 + took) / 4);
  }
  if (ended.has_success && !ended.has_failed) {
    target.health.succeeded(target.limit);
    if (target.lane == Lane::remote && now_ - ended.streak_since < longest_streak)
      again_.emplace_back(ended.target, ended.streak_since);
  }
  enter_ring(ended.target);
}

bool Queues::is_stuck(Index index, Tick now) const {
  const Target& target = targets_[table_.job(index).destination];
  return target.health.is_resting(now) || target.is_paced || limit_in_all(target.lane) == 0;
}

std::string Queues::why(Index index, Tick now) const {
  const Job& job = table_.job(index);
  const Target& target = targets_[job.destination];
  auto const seconds_to = [now](Tick then) {
    return decimal(then <= now ? 0 : (then - now + ticks_a_second - 1) / ticks_a_second);
  };
  bool const is_local = target.lane == Lane::local;
  if (job.phase == Phase::running) return {};
  if (table_.message(job.message).is_held) return "held by the operator";
  if (job.phase == Phase::waiting)
    return job.due == never ? "paused by the operator" : "next try in " + seconds_to(job.due) + " s";
  if (limit_in_all(target.lane) == 0) return is_local ? "local deliveries are halted" : "deliveries to other hosts are halted";
  if (target.health.is_resting(now)) {
    std::string text =
        (is_local ? "its mailbox rests for " : "its destination rests for ") + seconds_to(target.health.rest_until()) + " s";
    std::string const& trouble = trouble_of(job.destination);
    return trouble.empty() ? text : text + ": " + trouble;
  }
  if (target.is_paced) return "its destination has had its share of this minute (control/rateperdomain)";
  if (target.running >= std::min<std::uint32_t>(target.health.window(), target.limit))
    return "waits until one of " + decimal(target.running) + " deliveries to its destination ends";
  return "waits for its turn: " + decimal(running(target.lane)) + " deliveries run";
}

}  // namespace postern
