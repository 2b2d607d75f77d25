// Messages come into memory here, and only here: from a notification, a walk through todo, or a spawner that still
// delivers what an earlier queue-send started.
#include <sys/socket.h>
#include <unistd.h>

#include "lib/mail/queue_file.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr unsigned most_notifications = 64;  // of one turn of the loop

}  // namespace

std::string queue_path(const QueueId& id) { return id.directory() + "/" + id.text(); }

Index QueueSender::take_up(const QueueId& id) {
  if (Index const known = queues_.table().find(id); known != no_index) return known;
  auto const file = todo_.open_file(queue_path(id));
  if (!file) {
    if (!is_missing(file.error())) {
      LogLine{"unreadable"}.add("id", id.view()).add("error", file.error().text()).write();
      scan_.look_again(id.directory_number());
    }
    return no_index;
  }
  auto const content = read_queue_file(file->number());
  auto const envelope = content ? Envelope::parse(Wire{content->envelope_text}) : Result<Envelope>{content.error()};
  if (!envelope) {
    set_aside(id, envelope.error());
    return no_index;
  }
  auto const known = states_.read(id);
  if (!known && !known.error().is_permanent()) {
    LogLine{"unreadable"}.add("id", id.view()).add("error", known.error().text()).write();
    scan_.look_again(id.directory_number());
    return no_index;
  }
  if (!known) {  // not by our hand: it cannot be gone on with
    LogLine{"state"}
        .add("id", id.view())
        .add("error", known.error().text())
        .add("effect", "removed; every recipient is tried again")
        .write();
    states_.remove(id);
  }

  notice_new_settings();
  Index const index = queues_.table().add(id);
  Message& message = queues_.table().message(index);
  message.envelope_at = Frame::size + content->frame.message_length;
  message.is_alone = envelope->recipients.size() == 1;
  message.has_state = known && *known;
  message.routes = routes_generation_;
  auto const mark = known && *known ? (*known)->mark : std::nullopt;
  message.is_held = mark.has_value();
  message.is_deleted = mark && mark->word == StateWord::deleted;
  if (message.is_deleted)
    withdraw(index);  // what an earlier queue-send had running ends without being waited for
  else
    add_jobs(index, *envelope, known && *known ? **known : DeliveryState{});
  return index;
}

// Length 0: queue-inject gave up what it had linked already, and told its client so. Else the frame does not fit.
void QueueSender::set_aside(const QueueId& id, const Error& error) {
  if (!error.is_permanent()) {
    LogLine{"unreadable"}.add("id", id.view()).add("error", error.text()).write();
    scan_.look_again(id.directory_number());
    return;
  }
  auto const status = todo_.status_of(queue_path(id));
  if (!status) return;
  if (S_ISREG(status->st_mode) && status->st_size == 0) {
    Index const message = queues_.table().add(id);
    LogLine{"withdrawn"}.add("id", id.view()).write();
    return remove(message);
  }
  if (broken_.insert(id.text()).second) LogLine{"broken"}.add("id", id.view()).add("reason", error.text()).write();
  if (is_clean_ready_) clean_.send(CleanRecord{CleanLetter::broken, id, 0}.encoded());
}

void QueueSender::add_jobs(Index index, const Envelope& envelope, const DeliveryState& known) {
  MessageTable& table = queues_.table();
  std::int64_t const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  ++table.message(index).active;  // nothing is settled before the last recipient is known
  // The chain of jobs grows at its front: backwards, so that it runs as the envelope does.
  for (std::size_t i = envelope.recipients.size(); i-- > 0;) {
    const Recipient& recipient = envelope.recipients[i];
    auto const found = known.recipients.find(static_cast<std::uint32_t>(i));
    bool const wants_success = (recipient.notify & notify_success) != 0;
    if (found != known.recipients.end() && found->second.word != StateWord::deferred) {
      if (!found->second.is_bounced && is_to_tell(found->second.word, wants_success)) ++table.message(index).unreported;
      continue;
    }
    Index const job_index = table.add_job(index);
    Job& job = table.job(job_index);
    job.recipient = static_cast<std::uint32_t>(i);
    job.offset = recipient.offset;
    job.wants_success = wants_success;
    job.wants_delay = (recipient.notify & notify_delay) && !(found != known.recipients.end() && found->second.is_delay_told);
    if (found != known.recipients.end())
      job.tries = static_cast<std::uint16_t>(std::min<std::uint32_t>(found->second.tries, 0xffff));
  }
  for (Index job = table.message(index).first_job, next; job != no_index; job = next) {
    next = table.job(job).sibling;
    auto const found = known.recipients.find(table.job(job).recipient);
    take_up_job(job, envelope, found == known.recipients.end() ? now : found->second.next, now);
  }
  // It may be an earlier queue-send's line, that was never synced.
  if (table.message(index).unreported > 0) states_.request_sync(table.message(index).id.unpacked());
  --table.message(index).active;
  settle(index);
}

void QueueSender::take_up_job(Index job, const Envelope& envelope, std::int64_t next, std::int64_t now) {
  const Address& address = envelope.recipients[queues_.table().job(job).recipient].address;
  Where where = where_to(envelope, address);
  if (where.is_refused) {  // smtpd took it by control/ as it is now: a domain that is new must not bounce
    read_settings_again(false);
    where = where_to(envelope, address);
  }
  queues_.assign(job, where.lane, where.destination);
  if (where.is_refused) {
    conclude(job, {Outcome::failed, Blame::message, std::string{no_relay}, address.text(), monotonic_now()});
  } else if (next > now) {  // no further away than its own interval, whatever the clock did
    Seconds const interval = settings_.schedule.of(where.destination).interval(queues_.table().job(job).tries);
    queues_.wait(job, tick_in(std::min(Seconds{next - now}, interval)));
  } else {
    queues_.make_ready(job);
  }
}

QueueSender::Where QueueSender::where_to(const Envelope& envelope, const Address& recipient) const {
  Route route = settings_.routes.route(recipient);
  if (route.kind == Route::Kind::local) return {Lane::local, std::move(route.name), false};
  bool const is_refused = envelope.origin == Origin::inbound && !settings_.routes.is_accepted_from_strangers(recipient.domain());
  return {Lane::remote, settings_.smtp_routes.destination(envelope.sender, recipient.domain()).text(), is_refused};
}

void QueueSender::scan_step() {
  TodoScan::Step const step = scan_.step();
  for (const QueueId& id : step.found) take_up(id);
  if (!step.is_first_walk || step.ended < 0) return;
  // A crash between a message's removal and its state's leaves the state: nobody else ever looks for it.
  for (const QueueId& id : states_.list(static_cast<unsigned>(step.ended))) {
    if (queues_.table().find(id) != no_index) continue;
    auto const status = todo_.status_of(queue_path(id));
    if (!status && is_missing(status.error())) states_.remove(id);
  }
  if (!scan_.is_running()) LogLine{"looked-through"}.add("messages", std::uint64_t{queues_.table().size()}).write();
}

void QueueSender::hear_notifications() {
  for (unsigned i = 0; i < most_notifications; ++i) {
    char room[64];
    ssize_t const got = recv(descriptors_.notifications, room, sizeof room, MSG_DONTWAIT);
    if (got < 0) return;
    std::string_view const text{room, static_cast<std::size_t>(got)};
    if (auto const id = QueueId::parse(Wire{text}))
      take_up(*id);
    else if (!text.empty() && text.front() == 'F')
      flush(text.substr(1));
    else
      LogLine{"notification"}.add("text", text).add("error", "neither a queue ID nor a flush").write();
  }
}

void QueueSender::hear_trigger() {
  char room[4096];
  ssize_t const got = read(descriptors_.trigger.number(), room, sizeof room);
  if (got > 0) next_triggered_scan_ = trigger_rest_;  // at most one walk a second is started this way
}

}  // namespace postern
