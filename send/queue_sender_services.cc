// queue-clean, which waits for the disk, and bounce, which tells senders.
#include <algorithm>

#include "lib/mail/queue_file.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr auto sync_after = Milliseconds{500};            // of the first unsynced line: the promise is a second
constexpr auto sync_again = Milliseconds{10};             // when queue-clean's socket was full
constexpr auto write_again_after = Milliseconds{10'000};  // what the disk did not take
constexpr auto bounce_pause = Milliseconds{30'000};

}  // namespace

void QueueSender::hear_clean() {
  std::string& input = clean_.input();
  std::string_view rest = input;
  for (; rest.size() >= clean_record_size; rest.remove_prefix(clean_record_size)) {
    auto const record = CleanRecord::parse(Wire{rest.substr(0, clean_record_size)});
    if (!record) {
      LogLine{"queue-clean"}.add("error", record.error().text()).write();
      is_clean_ready_ = false;
      return clean_.close();
    }
    if (record->letter == CleanLetter::ready) {
      clean_.works_well();
      is_clean_ready_ = true;
      repeat_requests();
      if (!std::exchange(has_begun_, true)) scan_.start();
    } else if (record->letter == CleanLetter::removed) {
      removed(record->id, record->error);
    } else if (record->letter == CleanLetter::discarded) {
      discarded(record->id, record->error);
    } else if (record->letter == CleanLetter::moved) {
      broken_.erase(record->id.text());
    } else if (record->letter == CleanLetter::synced && record->id == no_message()) {
      pauses_are_durable(record->error);
    } else if (record->letter == CleanLetter::synced && states_.sync_ended(record->id)) {
      state_is_durable(record->id, record->error);
      Index const message = queues_.table().find(record->id);
      if (message != no_index && queues_.table().message(message).stage == Stage::reporting) to_report_.push_back(message);
    }
  }
  input.erase(0, input.size() - rest.size());
}

void QueueSender::ask_clean() {
  if (next_repeat_.has_passed()) repeat_requests();
  if (!states_.has_unsynced()) {  // removed with their messages: nothing to wake up for
    next_sync_ = Deadline::never();
    return;
  }
  next_sync_ = next_sync_.or_sooner(Deadline::in(sync_after));
  if (!next_sync_.has_passed() && !states_.is_full()) return;
  next_sync_ = Deadline::never();
  if (next_write_.has_passed()) {
    states_.write_again();
    next_write_ = Deadline::in(write_again_after);
  }
  if (!is_clean_ready_) return;
  for (const StateStore::Unsynced& file : states_.unsynced()) {
    if (!clean_.send(CleanRecord{CleanLetter::sync, file.id, 0}.encoded(), file.fd)) {
      next_sync_ = Deadline::in(sync_again);
      return;
    }
    states_.sync_started(file.id);
  }
}

// A failure is durable before its sender hears of it: queue-clean's answer to the sync goes on from here.
void QueueSender::report(Index index) {
  Message& message = queues_.table().message(index);
  message.stage = Stage::reporting;
  if (states_.is_synced(message.id.unpacked())) to_report_.push_back(index);
}

void QueueSender::ask_bounce() {
  while (reporting_ == no_index && !to_report_.empty() && bounce_again_.has_passed() && bounce_.takes_descriptors()) {
    Index const message = to_report_.front();
    to_report_.pop_front();
    // Those of its recipients who are not done may have had news: then it comes again when that is durable.
    const Message& known = queues_.table().message(message);
    if (known.stage != Stage::reporting || !states_.is_synced(known.id.unpacked())) continue;
    if (!send_bounce_request(message)) return;
  }
}

// False: not now. A message that cannot be reported at all is logged and no longer to be reported.
bool QueueSender::send_bounce_request(Index index) {
  QueueId const id = queues_.table().message(index).id.unpacked();
  auto const file = todo_.open_file(queue_path(id));
  auto const content = file ? read_queue_file(file->number()) : Result<QueueFile>{file.error()};
  auto const envelope = content ? Envelope::parse(Wire{content->envelope_text}) : Result<Envelope>{content.error()};
  auto const state = states_.read(id);
  if (!file && is_missing(file.error())) {
    queues_.table().message(index).stage = Stage::queued;
    vanish(index);
    return true;
  }
  if (!envelope || !state) {
    LogLine{"bounce"}.add("id", id.view()).add("error", (envelope ? state.error() : envelope.error()).text()).write();
    to_report_.push_back(index);
    bounce_again_ = Deadline::in(bounce_pause);
    return false;
  }
  BounceRequest request{id, {}};
  reported_.clear();
  for (const auto& [recipient, known] : *state ? (*state)->recipients : std::map<std::uint32_t, RecipientState>{}) {
    if (recipient >= envelope->recipients.size()) continue;
    auto const report = report_of(known, envelope->recipients[recipient].notify, {id, recipient});
    if (!report) continue;
    if (request.recipients.size() == bounce_recipients_most) break;  // the rest comes in a bounce of its own
    request.recipients.push_back(*report);
    request.recipients.back().index = recipient;
    reported_.emplace_back(recipient, report->action == Action::delayed ? StateWord::delayed : StateWord::bounced);
  }
  reporting_ = index;
  if (request.recipients.empty()) {
    bounce_answered({BounceAnswer::Kind::none, id, "nothing to tell"});
    return true;
  }
  if (bounce_.send(request.encoded(), file->number())) return true;
  forget_report();
  return false;
}

// What the sender is to hear of a recipient, if anything and not yet.
std::optional<BouncedRecipient> QueueSender::report_of(const RecipientState& known, unsigned notify,
                                                       const DeliveryKey& key) const {
  BouncedRecipient report{0, Action::failed, known.time, 0, known.text};
  if (known.word == StateWord::deferred) {
    if (known.is_delay_told || !(notify & notify_delay) || settings_.delay_notice == Seconds{0}) return std::nullopt;
    WallTime const created = key.id.created();
    Index const job = find_job(key);
    if (job == no_index || wall_now() - created <= settings_.delay_notice) return std::nullopt;
    report.action = Action::delayed;
    report.until = std::chrono::duration_cast<Seconds>((created + lifetime_of(job)).time_since_epoch()).count();
    return report;
  }
  if (known.is_bounced || !is_to_tell(known.word, notify & notify_success)) return std::nullopt;
  if (known.word != StateWord::failed) report.action = known.word == StateWord::relayed ? Action::relayed : Action::delivered;
  return report;
}

// bounce went away without an answer: the same again when it is back.
void QueueSender::forget_report() {
  if (reporting_ != no_index) to_report_.push_front(std::exchange(reporting_, no_index));
}

void QueueSender::hear_bounce() {
  std::string& input = bounce_.input();
  if (input.size() < record_head) return;
  auto const length = bounce_record_length(Wire{std::string_view{input}.substr(0, record_head)});
  if (length && input.size() < record_head + *length) return;
  auto const answer = length ? BounceAnswer::parse(Wire{std::string_view{input}.substr(record_head, *length)})
                             : Result<BounceAnswer>{length.error()};
  if (!answer || reporting_ == no_index || answer->id != queues_.table().message(reporting_).id.unpacked()) {
    LogLine{"bounce"}.add("error", answer ? std::string{"an answer that nobody asked for"} : answer.error().text()).write();
    bounce_.close();
    return forget_report();
  }
  BounceAnswer const good = *answer;
  input.erase(0, record_head + *length);
  bounce_.works_well();
  bounce_answered(good);
}

void QueueSender::bounce_answered(const BounceAnswer& answer) {
  Index const index = std::exchange(reporting_, no_index);
  LogLine line{"bounce"};
  line.add("id", answer.id.view());
  if (answer.kind == BounceAnswer::Kind::later) {
    line.add("error", answer.text).write();
    to_report_.push_back(index);
    bounce_again_ = Deadline::in(bounce_pause);
    return;
  }
  line.add(answer.kind == BounceAnswer::Kind::sent ? "bounce" : "none", answer.text).write();
  std::int64_t const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  std::string lines;
  for (auto const& [recipient, word] : reported_) lines += StateLine{word, recipient, now, 0, 0, answer.text}.encoded();
  if (!lines.empty()) states_.append(answer.id, lines);
  Message& message = queues_.table().message(index);
  message.stage = Stage::queued;
  // An empty list: the state file was changed by hand, and there is nothing left to say.
  message.unreported -= reported_.empty()
                            ? message.unreported
                            : std::min<std::uint32_t>(message.unreported, static_cast<std::uint32_t>(reported_.size()));
  settle(index);
}

}  // namespace postern
