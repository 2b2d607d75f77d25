// What became of a delivery: into the log, into the state file where it must outlive this process, and on to whatever
// that makes of the message.
#include <algorithm>

#include "lib/net/remote_words.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr auto repeat_after = Milliseconds{60'000};
constexpr std::uint8_t most_losses = 2;

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered:
      return "delivered";
    case Outcome::relayed:
      return "relayed";
    case Outcome::passed:
      return "passed";
    case Outcome::deferred:
      return "deferred";
    case Outcome::failed:
      return "failed";
    default:
      return "running";
  }
}

StateWord state_word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::relayed:
      return StateWord::relayed;
    case Outcome::passed:
      return StateWord::passed;
    case Outcome::deferred:
      return StateWord::deferred;
    case Outcome::failed:
      return StateWord::failed;
    default:
      return StateWord::delivered;
  }
}

Verdict verdict_of(Lane lane, Outcome outcome, Blame blame) {
  if (outcome == Outcome::failed) return Verdict::refused;
  if (outcome != Outcome::deferred) return Verdict::success;
  if (lane == Lane::local) return Verdict::passing_failure;
  return blame == Blame::destination ? Verdict::unreachable : Verdict::refused;
}

// RFC 3463 §3.4: the trouble is this host's, not the mailbox's or the message's (a program that died, most likely).
constexpr std::string_view own_trouble = "4.3.0 ";

std::int64_t seconds_now() { return std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count(); }

}  // namespace

bool is_to_tell(StateWord outcome, bool wants_success) {
  if (outcome == StateWord::failed) return true;
  return wants_success && (outcome == StateWord::delivered || outcome == StateWord::relayed);  // RFC 3461 §6.2
}

Seconds QueueSender::lifetime_of(Index job) const {
  Index const destination = queues_.table().job(job).destination;
  if (queues_.lane_of(destination) == Lane::local) return settings_.lifetime.usual();
  return settings_.lifetime.of(queues_.name_of(destination));
}

bool QueueSender::is_too_old(Index job) const {
  return wall_now() - queues_.table().message(queues_.table().job(job).message).id.created() > lifetime_of(job);
}

void QueueSender::conclude(Index index, Ended ended) {
  MessageTable& table = queues_.table();
  Job const job = table.job(index);
  QueueId const id = table.message(job.message).id.unpacked();
  Lane const lane = queues_.lane_of(job.destination);
  bool const was_running = job.phase == Phase::running;
  bool is_destinations = lane == Lane::remote && ended.outcome == Outcome::deferred && ended.blame == Blame::destination;
  // A host that takes others' mail and goes away three times with this: it is the message.
  bool const is_suspect = is_destinations && queues_.health_of(job.destination).has_answered();
  if (is_suspect && ++table.job(index).losses > most_losses) is_destinations = false;
  if (was_running) {
    Verdict verdict = verdict_of(lane, ended.outcome, ended.blame);
    if (verdict == Verdict::unreachable && !is_destinations) verdict = Verdict::unknown;
    note_destination(index, ended, queues_.finished(index, verdict, tick_now()));
  }
  if (ended.outcome == Outcome::deferred && is_too_old(index)) {
    ended.outcome = Outcome::failed;
    ended.text = given_up(ended.text);
  }
  LogLine line{"delivery"};
  line.add("id", id.view()).add("recipient", ended.recipient).add("outcome", word_of(ended.outcome)).add("text", ended.text);
  if (lane == Lane::remote) line.add("destination", queues_.name_of(job.destination));
  if (auto const tls = tls_of(ended.text); !tls.empty()) line.add("tls", tls);
  line.add("ms", static_cast<std::uint64_t>((monotonic_now() - ended.since).count())).write();

  bool is_kept = true;
  if (ended.outcome == Outcome::deferred && table.message(job.message).is_deleted) {
    queues_.remove(index);
  } else if (ended.outcome == Outcome::deferred) {
    is_kept = defer(index, ended, is_destinations);
  } else {
    Message& message = table.message(job.message);
    StateWord const word = state_word_of(ended.outcome);
    bool const tells = is_to_tell(word, job.wants_success);
    // Alone and done at once: the file's removal says it all.
    bool const needs_line = tells || !message.is_alone || message.has_state || !is_clean_ready_;
    message.ended_remote = lane == Lane::remote;
    if (needs_line) is_kept = keep(job.message, {word, job.recipient, seconds_now(), 0, 0, std::move(ended.text)});
    if (tells) ++table.message(job.message).unreported;
    is_kept = is_kept && needs_line;
    queues_.remove(index);
  }
  if (was_running && is_kept) spawners_[static_cast<std::size_t>(lane)].forget({id, job.recipient});
  settle(job.message);
}

void QueueSender::note_destination(Index index, const Ended& ended, bool begins_rest) {
  Index const destination = queues_.table().job(index).destination;
  const std::string& name = queues_.name_of(destination);
  if (queues_.lane_of(destination) == Lane::remote && !queues_.rates().is_empty())
    if (auto const reply = RemoteReply::parse(Wire{ended.text})) queues_.rates().learn(name, reply->host);
  if (!begins_rest) return;
  queues_.set_trouble(destination, ended.text);
  Tick const until = queues_.health_of(destination).rest_until();
  LogLine{"resting"}
      .add(queues_.lane_of(destination) == Lane::local ? "mailbox" : "destination", name)
      .add("seconds", std::uint64_t{(until - tick_now()) / ticks_a_second})
      .add("text", ended.text)
      .write();
}

// Where it is the destination's trouble, the job goes on waiting there, and its own tries are not used up.
bool QueueSender::defer(Index index, const Ended& ended, bool is_destinations) {
  Job& job = queues_.table().job(index);
  Lane const lane = queues_.lane_of(job.destination);
  const RetrySchedule& schedule =
      lane == Lane::local ? settings_.schedule.usual() : settings_.schedule.of(queues_.name_of(job.destination));
  Seconds wait{0};
  if (is_destinations) {
    Tick const until = queues_.health_of(job.destination).rest_until();
    wait = Seconds{until > tick_now() ? (until - tick_now()) / ticks_a_second : 0};
    queues_.make_ready(index);
  } else {
    if (job.tries < 0xffff) ++job.tries;
    wait = schedule.interval(job.tries);
    if (ended.text.starts_with(own_trouble) && !RemoteReply::parse(Wire{ended.text}))
      wait = std::min(wait, short_wait(job));
    else
      job.losses = 0;
    queues_.wait(index, tick_in(wait));
  }
  std::int64_t const now = seconds_now();
  return keep(job.message, {StateWord::deferred, job.recipient, now, job.tries, now + wait.count(), ended.text});
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
  if (message.unreported > 0 && !message.is_deleted) return report(index);
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
  Spawner& spawner = spawners_[message.ended_remote ? 1 : 0];
  if (message.is_alone && spawner.is_ready) spawner.forget({id, 0});
  removing_.erase(index);
  queues_.table().remove(index);
  LogLine{"done"}.add("id", id.view()).write();
  message_is_gone(id, "removed");
}

void QueueSender::repeat_requests() {
  next_repeat_ = Deadline::never();
  if (!is_clean_ready_) return;  // they are repeated when it is
  for (Index const message : removing_) ask_to_remove(message);
  for (const std::string& id : broken_) clean_.send(CleanRecord{CleanLetter::broken, *QueueId::parse(Wire{id}), 0}.encoded());
}

}  // namespace postern
