// Deliveries start here: a transaction of the queues becomes a request to local-spawn or remote-spawn.
#include <unistd.h>

#include <algorithm>

#include "lib/mail/queue_file.h"
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr unsigned most_starts = 64;  // of one turn of the loop
constexpr std::size_t recipient_room = 2048;

// The recipient whose record stands at that place of an open queue file.
Result<Recipient> read_recipient(int fd, std::uint64_t at) {
  char room[recipient_room];
  ssize_t const got = pread(fd, room, sizeof room, static_cast<off_t>(at));
  if (got < 0) return system_error("read a recipient");
  return parse_recipient(Wire{std::string_view{room, static_cast<std::size_t>(got)}});
}

}  // namespace

// True: there is more to start at once.
bool QueueSender::start_deliveries() {
  // Before queue-clean is ready, a message that an earlier queue-send saw delivered may still be there.
  if (!is_clean_ready_) return false;
  bool has_more = false;
  for (Spawner& spawner : spawners_) has_more = start_deliveries(spawner) || has_more;
  return has_more;
}

bool QueueSender::start_deliveries(Spawner& spawner) {
  for (unsigned i = 0; i < most_starts; ++i) {
    if (!spawner.takes_requests() || states_.is_full() || !queues_.next(spawner.lane, tick_now(), starting_)) return false;
    if (!start(spawner, starting_)) return false;
  }
  return true;
}

// False: nothing more can be started now.
bool QueueSender::start(Spawner& spawner, std::vector<Index>& jobs) {
  MessageTable& table = queues_.table();
  Index const index = table.job(jobs.front()).message;
  const Message& message = table.message(index);
  QueueId const id = message.id.unpacked();
  std::sort(jobs.begin(), jobs.end(), [&](Index a, Index b) { return table.job(a).recipient < table.job(b).recipient; });
  auto const file = todo_.open_file(queue_path(id));
  std::vector<Address> addresses;
  auto const recipients = file ? read_recipients(file->number(), jobs, addresses) : Status{file.error()};
  if (!recipients) {
    start_failed(index, jobs, recipients.error());
    return true;
  }
  if (message.routes != routes_generation_ && !reroute(file->number(), jobs, addresses)) return true;  // all goes elsewhere now
  if (pauses_.pauses().has_domains() && !park_paused(jobs, addresses)) return true;
  std::string const name = queues_.name_of(table.job(jobs.front()).destination);
  std::string request;
  if (spawner.lane == Lane::local) {
    request = LocalRequest{{id, table.job(jobs.front()).recipient}, name, addresses.front().text()}.encoded();
  } else {
    RemoteRequest remote{id, *Destination::parse(Wire{name}), {}};
    for (Index const job : jobs) remote.recipients.push_back(table.job(job).recipient);
    request = remote.encoded();
  }
  if (!spawner.connection.send(request, file->number())) {
    queues_.give_back(jobs);
    return false;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i)
    running_.insert_or_assign(running_key(jobs[i]), Running{jobs[i], spawner.lane, addresses[i].text(), monotonic_now()});
  return true;
}

Status QueueSender::read_recipients(int fd, const std::vector<Index>& jobs, std::vector<Address>& addresses) const {
  const MessageTable& table = queues_.table();
  std::uint64_t const envelope_at = table.message(table.job(jobs.front()).message).envelope_at;
  for (Index const job : jobs) addresses.push_back(TRY(read_recipient(fd, envelope_at + table.job(job).offset)).address);
  return Done{};
}

void QueueSender::start_failed(Index message, const std::vector<Index>& jobs, const Error& error) {
  if (is_missing(error) || error.is_permanent()) {
    for (Index const job : jobs) queues_.finished(job, Verdict::unknown, tick_now());
    return vanish(message);
  }
  for (Index const job : jobs) conclude(job, {Outcome::deferred, Blame::message, "4.3.0 " + error.text(), {}, monotonic_now()});
}

// control/ changed since the message was taken up. Jobs that now go elsewhere leave the list; false: all of them.
bool QueueSender::reroute(int fd, std::vector<Index>& jobs, std::vector<Address>& addresses) {
  auto const content = read_queue_file(fd);
  auto const envelope = content ? Envelope::parse(Wire{content->envelope_text}) : Result<Envelope>{content.error()};
  if (!envelope) {
    start_failed(queues_.table().job(jobs.front()).message, jobs, envelope.error());
    return false;
  }
  std::size_t stay = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Index const job = jobs[i];
    Index const destination = queues_.table().job(job).destination;
    Where const where = where_to(*envelope, addresses[i]);
    if (where.is_refused) {
      conclude(job, {Outcome::failed, Blame::message, std::string{no_relay}, addresses[i].text(), monotonic_now()});
    } else if (where.lane == queues_.lane_of(destination) && where.destination == queues_.name_of(destination)) {
      jobs[stay] = job;
      addresses[stay++] = addresses[i];
    } else {
      queues_.finished(job, Verdict::unknown, tick_now());
      queues_.assign(job, where.lane, where.destination);
      queues_.make_ready(job);
    }
  }
  jobs.resize(stay);
  addresses.erase(addresses.begin() + static_cast<std::ptrdiff_t>(stay), addresses.end());
  return stay > 0;
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
  message_is_gone(id, "it was gone already");
  scan_.look_again(id.directory_number());
}

std::string QueueSender::recipient_of(Index index) const {
  const Job& job = queues_.table().job(index);
  const Message& message = queues_.table().message(job.message);
  auto const file = todo_.open_file(queue_path(message.id.unpacked()));
  if (!file) return {};
  auto const recipient = read_recipient(file->number(), message.envelope_at + job.offset);
  return recipient ? recipient->address.text() : std::string{};
}

}  // namespace postern
