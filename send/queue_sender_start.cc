// Deliveries start here, and what local-spawn says of them is heard here.
#include <unistd.h>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr unsigned most_starts = 64;    // of one turn of the loop
constexpr unsigned most_put_off = 256;  // likewise
constexpr std::size_t recipient_room = 2048;
constexpr std::string_view no_remote_side = "4.4.0 mail for other hosts waits: this host does not send yet";

// The recipient whose record stands at that place of an open queue file.
Result<Recipient> read_recipient(int fd, std::uint64_t at) {
  char room[recipient_room];
  ssize_t const got = pread(fd, room, sizeof room, static_cast<off_t>(at));
  if (got < 0) return system_error("read a recipient");
  return parse_recipient(Wire{std::string_view{room, static_cast<std::size_t>(got)}});
}

}  // namespace

bool QueueSender::start_deliveries() {
  // Before queue-clean is ready, a message that an earlier queue-send saw delivered may still be there.
  if (!is_clean_ready_) return false;
  bool const has_more = put_off_elsewhere();
  if (!is_spawner_ready_) return has_more;
  for (unsigned i = 0; i < most_starts; ++i) {
    if (!spawner_.takes_descriptors() || states_.is_full()) return has_more;
    Index const job = queues_.next(tick_now());
    if (job == no_index || !start(job)) return has_more;
  }
  return true;
}

// False: nothing more can be started now.
bool QueueSender::start(Index index) {
  Job const job = queues_.table().job(index);
  const Message& message = queues_.table().message(job.message);
  QueueId const id = message.id.unpacked();
  auto const file = todo_.open_file(queue_path(id));
  auto const recipient =
      file ? read_recipient(file->number(), message.envelope_at + job.offset) : Result<Recipient>{file.error()};
  if (!recipient && (is_missing(recipient.error()) || recipient.error().is_permanent())) {
    queues_.finished(index, Verdict::unknown, tick_now());
    vanish(job.message);
    return true;
  }
  if (!recipient) {
    conclude(index, Outcome::deferred, "4.3.0 " + recipient.error().text(), {"", monotonic_now()});
    return true;
  }
  if (message.routes != routes_generation_) {  // control/ changed since: the mailbox may be another, or elsewhere
    Route const now = settings_.routes.route(recipient->address);
    if (now.kind == Route::Kind::remote || now.name != queues_.name_of(job.destination)) {
      queues_.finished(index, Verdict::unknown, tick_now());
      route(index, recipient->address);
      queues_.make_ready(index);
      return true;
    }
  }
  LocalRequest const request{{id, job.recipient}, queues_.name_of(job.destination), recipient->address.text()};
  if (!spawner_.send(request.encoded(), file->number())) {
    queues_.give_back(index);
    return false;
  }
  running_.insert_or_assign(index, Running{request.recipient, monotonic_now()});
  return true;
}

// The operator took the file away, or an earlier queue-send's removal came to pass: nobody waits for it any more.
// A file that lost its bytes is looked at again, and set aside, by the next walk.
void QueueSender::vanish(Index index) {
  MessageTable& table = queues_.table();
  QueueId const id = table.message(index).id.unpacked();
  LogLine{"vanished"}.add("id", id.view()).write();
  for (Index job = table.message(index).first_job, next; job != no_index; job = next) {
    next = table.job(job).sibling;
    if (table.job(job).phase == Phase::running) continue;
    if (table.job(job).phase == Phase::ready) queues_.unready(job);
    queues_.remove(job);
  }
  // One that is being reported goes when bounce's turn comes; one that is being delivered, when that ends.
  if (table.message(index).first_job != no_index || table.message(index).stage == Stage::reporting) return;
  auto const status = todo_.status_of(queue_path(id));
  if (!status && is_missing(status.error())) states_.remove(id);
  table.remove(index);
  scan_.look_again(id.directory_number());
}

// True: more wait.
bool QueueSender::put_off_elsewhere() {
  for (unsigned i = 0; i < most_put_off; ++i) {
    if (states_.is_full()) return false;
    Index const index = queues_.next_elsewhere();
    if (index == no_index) return false;
    Index const message = queues_.table().job(index).message;
    std::string const recipient = recipient_of(index);
    auto const address = Address::parse(Wire{recipient});
    if (recipient.empty() || !address) {
      vanish(message);
    } else if (settings_.routes.route(*address).kind == Route::Kind::local) {  // control/ changed since
      route(index, *address);
      queues_.make_ready(index);
    } else {
      conclude(index, Outcome::deferred, std::string{no_remote_side}, {recipient, monotonic_now()});
    }
  }
  return queues_.has_elsewhere();
}

std::string QueueSender::recipient_of(Index index) const {
  const Job& job = queues_.table().job(index);
  const Message& message = queues_.table().message(job.message);
  auto const file = todo_.open_file(queue_path(message.id.unpacked()));
  if (!file) return {};
  auto const recipient = read_recipient(file->number(), message.envelope_at + job.offset);
  return recipient ? recipient->address.text() : std::string{};
}

Index QueueSender::find_job(const DeliveryKey& key) const {
  const MessageTable& table = queues_.table();
  Index const message = table.find(key.id);
  if (message == no_index || table.message(message).stage == Stage::removing) return no_index;
  for (Index job = table.message(message).first_job; job != no_index; job = table.job(job).sibling)
    if (table.job(job).recipient == key.recipient) return job;
  return no_index;
}

void QueueSender::hear_spawner() {
  std::string& input = spawner_.input();
  std::string_view rest = input;
  while (rest.size() >= record_head) {
    auto const length = record_length(Wire{rest.substr(0, record_head)});
    if (length && rest.size() < record_head + *length) break;
    auto const report =
        length ? DeliveryReport::parse(Wire{rest.substr(record_head, *length)}) : Result<DeliveryReport>{length.error()};
    if (!report) {
      LogLine{"local-spawn"}.add("error", report.error().text()).write();
      is_spawner_ready_ = false;
      return spawner_.close();
    }
    rest.remove_prefix(record_head + *length);
    hear_report(*report);
  }
  input.erase(0, input.size() - rest.size());
}

void QueueSender::hear_report(const DeliveryReport& report) {
  if (report.outcome == Outcome::ready) return spawner_is_ready();
  take_up(report.key.id);
  if (report.outcome == Outcome::running) return inherit(report.key);
  Index const job = find_job(report.key);
  if (job == no_index) return forget_unless_removing(report.key);
  if (queues_.table().job(job).phase != Phase::running) inherit(report.key);
  auto const found = running_.find(job);
  Running const running = found == running_.end() ? Running{recipient_of(job), monotonic_now()} : std::move(found->second);
  if (found != running_.end()) running_.erase(found);
  conclude(job, report.outcome, report.text, running);
}

// An outcome that nobody waits for: written down before, or of a message that is gone. While a message is being removed
// its outcome must stay with the spawner, for a queue-send that starts before the removal is done.
void QueueSender::forget_unless_removing(const DeliveryKey& key) {
  Index const message = queues_.table().find(key.id);
  if (message == no_index) {
    auto const status = todo_.status_of(queue_path(key.id));
    if (status || !is_missing(status.error())) return;
  } else if (queues_.table().message(message).stage == Stage::removing) {
    return;
  }
  spawner_.send(forget_record(key));
}

// The spawner delivers this already, or has: it is no longer ready or waiting here.
void QueueSender::inherit(const DeliveryKey& key) {
  Index const index = find_job(key);
  if (index == no_index) return;
  Job& job = queues_.table().job(index);
  job.is_doubtful = false;
  if (job.phase == Phase::running) return;
  if (job.phase == Phase::ready) queues_.unready(index);
  queues_.make_running(index);
  running_.insert_or_assign(index, Running{recipient_of(index), monotonic_now()});
}

// What an earlier spawner was running and this one does not know may have been delivered or not: it is tried again,
// soon at first, since most likely only the spawner was to blame.
void QueueSender::spawner_is_ready() {
  spawner_.works_well();
  is_spawner_ready_ = true;
  std::vector<Index> lost;
  for (const auto& [job, running] : running_)
    if (queues_.table().job(job).is_doubtful) lost.push_back(job);
  for (Index const index : lost) {
    Job& job = queues_.table().job(index);
    QueueId const id = queues_.table().message(job.message).id.unpacked();
    LogLine{"lost"}
        .add("id", id.view())
        .add("recipient", running_[index].recipient)
        .add("text", "local-spawn ended before it was delivered")
        .write();
    running_.erase(index);
    queues_.finished(index, Verdict::unknown, tick_now());
    queues_.wait(index, tick_in(std::min(short_wait(job), settings_.schedule.interval(1))));
  }
}

}  // namespace postern
