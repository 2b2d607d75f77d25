// What became of a delivery: into the log, into the state file where it must outlive this process, and on to whatever
// that makes of the message.
#include <algorithm>

#include "lib/net/remote_words.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr auto repeat_after = Milliseconds{60'000};

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered:
      return "delivered";
    case Outcome::deferred:
      return "deferred";
    case Outcome::failed:
      return "failed";
    default:
      return "running";
  }
}

Verdict verdict_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered:
      return Verdict::success;
    case Outcome::deferred:
      return Verdict::passing_failure;
    default:
      return Verdict::final_failure;
  }
}

// RFC 3463 §3.4: the trouble is this host's, not the mailbox's or the message's (a program that died, most likely).
constexpr std::string_view own_trouble = "4.3.0 ";

std::int64_t seconds_now() { return std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count(); }

}  // namespace

bool QueueSender::is_too_old(const QueueId& id) const { return wall_now() - id.created() > settings_.lifetime; }

void QueueSender::conclude(Index index, Outcome outcome, std::string text, const Running& running) {
  MessageTable& table = queues_.table();
  Job const job = table.job(index);
  QueueId const id = table.message(job.message).id.unpacked();
  bool const was_running = job.phase == Phase::running;
  if (was_running) queues_.finished(index, verdict_of(outcome), tick_now());
  if (outcome == Outcome::deferred && is_too_old(id)) {
    outcome = Outcome::failed;
    text = given_up(text);
  }
  LogLine{"delivery"}
      .add("id", id.view())
      .add("recipient", running.recipient)
      .add("outcome", word_of(outcome))
      .add("text", text)
      .add("ms", static_cast<std::uint64_t>((monotonic_now() - running.since).count()))
      .write();

  bool is_kept = true;
  const Message& message = table.message(job.message);
  if (outcome == Outcome::deferred) {
    is_kept = defer(index, text);
  } else {
    bool const is_to_tell = outcome == Outcome::failed || job.wants_success;
    // Alone and done at once: the file's removal says it all.
    bool const needs_line = is_to_tell || !message.is_alone || message.has_state || !is_clean_ready_;
    auto const word = outcome == Outcome::failed ? StateWord::failed : StateWord::delivered;
    if (needs_line) is_kept = keep(job.message, {word, job.recipient, seconds_now(), 0, 0, std::move(text)});
    if (is_to_tell) ++table.message(job.message).unreported;
    is_kept = is_kept && needs_line;
    queues_.remove(index);
  }
  if (was_running && is_kept) spawner_.send(forget_record({id, job.recipient}));
  settle(job.message);
}

bool QueueSender::defer(Index index, std::string_view text) {
  Job& job = queues_.table().job(index);
  if (job.tries < 0xffff) ++job.tries;
  Seconds wait = settings_.schedule.interval(job.tries);
  if (text.starts_with(own_trouble))
    wait = std::min(wait, short_wait(job));
  else
    job.losses = 0;
  queues_.wait(index, tick_in(wait));
  std::int64_t const now = seconds_now();
  return keep(job.message, {StateWord::deferred, job.recipient, now, job.tries, now + wait.count(), std::string{text}});
}

// One second, then twice as long each time.
Seconds QueueSender::short_wait(Job& job) {
  Seconds const wait{1 << job.losses};
  if (job.losses < 16) ++job.losses;
  return wait;
}

bool QueueSender::keep(Index index, const StateLine& line) {
  Message& message = queues_.table().message(index);
  message.has_state = true;
  return states_.append(message.id.unpacked(), line.encoded());
}

// Called whenever something about a message ended: is there anything left to wait for?
void QueueSender::settle(Index index) {
  const Message& message = queues_.table().message(index);
  if (message.stage != Stage::queued || message.active > 0) return;
  if (message.unreported > 0) return report(index);
  if (message.first_job == no_index) remove(index);
}

void QueueSender::remove(Index index) {
  queues_.table().message(index).stage = Stage::removing;
  removing_.insert(index);
  ask_to_remove(index);
}

void QueueSender::ask_to_remove(Index index) {
  QueueId const id = queues_.table().message(index).id.unpacked();
  if (is_clean_ready_ && clean_.has_room() && clean_.send(CleanRecord{CleanLetter::remove, id, 0}.encoded())) return;
  next_repeat_ = next_repeat_.or_sooner(Deadline::in(repeat_after));
}

void QueueSender::removed(const QueueId& id, std::uint32_t error) {
  Index const index = queues_.table().find(id);
  if (index == no_index || !removing_.contains(index)) return;  // asked twice
  if (error != 0) {
    next_repeat_ = next_repeat_.or_sooner(Deadline::in(repeat_after));
    return;
  }
  const Message& message = queues_.table().message(index);
  if (message.has_state) states_.remove(id);
  if (message.is_alone && is_spawner_ready_) spawner_.send(forget_record({id, 0}));
  removing_.erase(index);
  queues_.table().remove(index);
  LogLine{"done"}.add("id", id.view()).write();
}

void QueueSender::repeat_requests() {
  next_repeat_ = Deadline::never();
  if (!is_clean_ready_) return;  // they are repeated when it is
  for (Index const message : removing_) ask_to_remove(message);
  for (const std::string& id : broken_) clean_.send(CleanRecord{CleanLetter::broken, *QueueId::parse(Wire{id}), 0}.encoded());
}

}  // namespace postern
