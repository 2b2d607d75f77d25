// What nobody reports: mail that grows too old where it waits for a destination in trouble, senders who asked to be told of
// a delay, failures that wait for the rest of their message. And the hosts that rest, for the next queue-send.
#include <algorithm>

#include "lib/os/log.h"
#include "send/queue_sender.h"
#include "send/resting_host.h"

namespace postern {
namespace {

constexpr auto longest_between_sweeps = Seconds{60};
constexpr Index messages_a_step = 4096;
constexpr unsigned ends_a_step = 64;  // each opens files
constexpr auto between_memories = Milliseconds{10'000};
constexpr const char* memory_name = "destinations";

}  // namespace

// A sixteenth of the shortest time that is waited for, a minute at most.
Deadline QueueSender::after_sweep() const {
  Seconds wait = longest_between_sweeps;
  if (settings_.delay_notice > Seconds{0}) wait = std::min(wait, settings_.delay_notice / 16);
  wait = std::min(wait, settings_.lifetime.usual() / 16);
  return Deadline::in(std::max(wait, Seconds{1}));
}

// A walk through all messages in small steps. True: there is more to do at once.
bool QueueSender::sweep_step() {
  if (swept_ == no_index) {
    if (!next_sweep_.has_passed()) return false;
    swept_ = 0;
  }
  unsigned ends = 0;
  Index const end = std::min(queues_.table().messages_end(), swept_ + messages_a_step);
  for (; swept_ < end && ends < ends_a_step && !states_.is_full(); ++swept_) ends += look_over(swept_);
  if (swept_ < queues_.table().messages_end()) return !states_.is_full();
  swept_ = no_index;
  next_sweep_ = after_sweep();
  return false;
}

// How many files that took.
unsigned QueueSender::look_over(Index index) {
  MessageTable& table = queues_.table();
  const Message& message = table.message(index);
  if (message.stage != Stage::queued) return 0;
  Tick const now = tick_now();
  Microseconds const age = wall_now() - message.id.created();
  bool const is_late = settings_.delay_notice > Seconds{0} && age > settings_.delay_notice;
  bool is_moving = false;
  unsigned ends = 0;
  ++table.message(index).active;  // nothing is settled before the last recipient was looked at
  for (Index job_index = message.first_job, next; job_index != no_index; job_index = next) {
    const Job& job = table.job(job_index);
    next = job.sibling;
    bool const is_ready = job.phase == Phase::ready;
    bool const rests = is_ready && queues_.health_of(job.destination).is_resting(now);
    bool const may_start = is_ready && spawners_[static_cast<std::size_t>(queues_.lane_of(job.destination))].is_ready;
    is_moving = is_moving || job.phase == Phase::running || (may_start && !queues_.is_stuck(job_index, now));
    if (rests && is_too_old(job_index)) {
      give_up(job_index);
      ++ends;
    } else if (is_late && job.wants_delay && (rests || (job.phase == Phase::waiting && job.tries > 0))) {
      tell_delay(job_index);
      ++ends;
    }
  }
  --table.message(index).active;
  if (message.first_job == no_index)
    settle(index);
  else if (message.unreported > 0 && !is_moving)
    report(index);  // without those that wait for a destination in trouble
  return ends;
}

// What it waits for in vain is what its destination last said to another.
void QueueSender::give_up(Index job) {
  std::string text = queues_.trouble_of(queues_.table().job(job).destination);
  queues_.unready(job);
  conclude(job, {Outcome::deferred, Blame::message, std::move(text), recipient_of(job), monotonic_now()});
}

void QueueSender::tell_delay(Index index) {
  Job& job = queues_.table().job(index);
  job.wants_delay = false;
  ++queues_.table().message(job.message).unreported;
  if (job.phase != Phase::ready) return;  // its last try is in its state
  std::int64_t const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  Tick const until = std::max(queues_.health_of(job.destination).rest_until(), tick_now());
  keep(job.message, {StateWord::deferred, job.recipient, now, job.tries, now + (until - tick_now()) / ticks_a_second,
                     queues_.trouble_of(job.destination)});
}

void QueueSender::recall_resting_hosts() {
  auto const text = states_.read_other(memory_name);
  if (!text) return LogLine{"destinations"}.add("error", text.error().text()).write();
  std::int64_t const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  std::string_view rest = *text;
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    auto host = RestingHost::parse(Wire{rest.substr(0, end)});
    if (!host || host->until <= now) continue;
    Seconds const interval = settings_.schedule.of(host->name).interval(host->rests);  // no longer, whatever the clock did
    queues_.remember(host->name, static_cast<std::uint8_t>(host->rests), tick_in(std::min(Seconds{host->until - now}, interval)),
                     std::move(host->text));
  }
  kept_troubles_ = queues_.trouble_count();
}

void QueueSender::keep_resting_hosts() {
  if (kept_troubles_ == queues_.trouble_count() || !next_memory_.has_passed()) return;
  kept_troubles_ = queues_.trouble_count();
  next_memory_ = Deadline::in(between_memories);
  std::int64_t const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  std::string text;
  for (Index const host : queues_.resting_hosts(tick_now())) {
    const Health& health = queues_.health_of(host);
    text += RestingHost{queues_.name_of(host), now + (health.rest_until() - tick_now()) / ticks_a_second, health.rests(),
                        queues_.trouble_of(host)}
                .encoded();
  }
  if (Status const kept = states_.replace_other(memory_name, text); !kept)
    LogLine{"destinations"}.add("error", kept.error().text()).write();
}

}  // namespace postern
