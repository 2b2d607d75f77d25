// queue-inject - put messages into the queue, each with one fsync, or leave no trace of them
//
// run by   its s6 services, as pn-queue: `queue-inject trusted` (smtpd, submission, bounce), `queue-inject anyone`
// fds      0 listening socket (lib/net/queue_protocol.h)   2 > log
// files    creates queue/tmp/ID; links it to queue/todo/XX/ID; reads control/
// starts   nothing; forks itself for its clients
// exits    0 told to stop   100 wrong arguments or control files   111 system trouble
// see      queue-inject(8), doc/queue.md
#include <sys/statvfs.h>

#include <algorithm>

#include "lib/net/queue_protocol.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/service.h"
#include "lib/os/socket.h"
#include "queue/injection_request.h"
#include "queue/injection_rights.h"
#include "queue/message_file.h"
#include "queue/queue_notice.h"
#include "queue/received_line.h"

namespace postern {
namespace {

// design: on `anyone` a local user may hold so much and no more.
constexpr ServicePool trusted_pool{.most_clients = 400, .spare = 6, .most_per_uid = 0, .clients_per_process = 200};
constexpr ServicePool anyone_pool{.most_clients = 100, .spare = 2, .most_per_uid = 10, .clients_per_process = 1};
constexpr std::uint64_t most_unfinished = 64u << 20;
constexpr std::uint64_t most_least = 95;  // per cent of the disk free
constexpr Milliseconds trusted_time = 2h;  // smtpd has its own, shorter limits
constexpr Milliseconds anyone_time = 5min;

struct Injector {
  bool is_trusted;
  Accounts accounts;
  Control control;
  Directory tmp;
  Directory todo;
  Directory run;
  std::string me;
};

// A message as far as it has come; once an error is set the rest of it is read and dropped.
struct Pending {
  std::optional<MessageFile> file;
  std::string envelope;
  std::optional<Error> error;

  void reset() {
    file.reset();
    envelope.clear();
    error.reset();
  }
};

// Local users end at twice the least, so that they cannot fill the disk against mail from the network.
Status check_space(const Injector& injector) {
  std::uint64_t least = TRY(injector.control.number<"queuemin">());
  if (!injector.is_trusted) least = std::min(2 * least, most_least);
  struct statvfs space {};
  if (fstatvfs(injector.tmp.number(), &space) != 0) return system_error("4.3.0 statvfs of queue/tmp");
  if (space.f_bavail * 100 < space.f_blocks * least) return temporary("4.3.1 the queue's disk is nearly full (control/queuemin)");
  if (space.f_files != 0 && space.f_favail * 100 < space.f_files * least)
    return temporary("4.3.1 the queue's disk is short of inodes (control/queuemin)");
  return Done{};
}

Status take_message(const Injector& injector, const Client& client, Pending& pending, std::string_view bytes) {
  if (!pending.envelope.empty()) return permanent("5.5.0 message bytes behind the envelope");
  if (!pending.file || !injector.is_trusted) TRY(check_space(injector));
  if (!pending.file) pending.file.emplace(TRY(MessageFile::create(injector.tmp)));
  if (!injector.is_trusted && client.set_unfinished(pending.file->length() + bytes.size()) > most_unfinished)
    return temporary("4.3.1 too many unfinished bytes of this uid");
  return pending.file->add(bytes);
}

Status take_envelope(Pending& pending, std::string_view bytes) {
  if (pending.envelope.size() + bytes.size() > longest_envelope) return permanent("5.3.4 envelope longer than 4 MiB");
  pending.envelope += bytes;
  return Done{};
}

// From here on the message is complete: check who says what, add what only we may say, make it durable.
Result<QueueId> commit(Injector& injector, const Client& client, Pending& pending) {
  if (pending.error) return *pending.error;
  if (!pending.file) {  // a message of no bytes
    TRY(check_space(injector));
    pending.file.emplace(TRY(MessageFile::create(injector.tmp)));
  }
  auto parsed = Envelope::parse(Wire{pending.envelope});
  if (!parsed) return permanent("5.5.4 not an envelope:", parsed.error().what());
  Envelope& envelope = *parsed;
  TRY(check_rights(rights_of(injector.accounts.account_of(client.peer().uid)), envelope, injector.me));
  envelope.injector = client.peer().uid;
  envelope.header_lines.insert(0, received_line(envelope, pending.file->id(), injector.me, wall_now()));
  if (envelope.header_lines.size() > longest_header_lines) return permanent("5.3.4 header lines and Received longer than 16 KiB");
  std::string const text = envelope.encoded();
  if (text.size() > longest_envelope) return permanent("5.3.4 envelope and Received longer than 4 MiB");  // nobody could read it
  TRY(pending.file->commit(injector.todo, text));
  LogLine{"queued"}
      .add("id", pending.file->id().view())
      .add("uid", std::uint64_t{client.peer().uid})
      .add("bytes", pending.file->length())
      .add("recipients", std::uint64_t{envelope.recipients.size()})
      .write();
  return pending.file->id();
}

Status answer(const Client& client, const Result<QueueId>& result) {
  std::string frame;
  if (result) {
    append_queue_frame(frame, 'Y', result->view());
  } else {
    const Error& error = result.error();
    bool const has_code = !error.what().empty() && (error.what().front() == '4' || error.what().front() == '5');
    std::string const text = has_code ? error.text() : "4.3.0 queue: " + error.text();
    LogLine{"refused"}.add("uid", std::uint64_t{client.peer().uid}).add("error", text).write();
    append_queue_frame(frame, error.is_permanent() && has_code ? 'P' : 'T', text);
  }
  return write_all(client.fd(), frame, Deadline::in(1min));
}

// One connection: messages until the client ends it. An error here is the connection's, not a message's.
Status converse(Injector& injector, const Client& client) {
  FrameReader frames{client.fd()};
  QueueNotice notice{injector.run};
  injector.me = TRY(injector.control.me());  // anew, so that a change counts
  Pending pending;
  bool is_idle = true;
  Deadline deadline = Deadline::never();
  for (;;) {
    if (is_idle) {
      Milliseconds const most = injector.is_trusted ? trusted_time : anyone_time;
      if (!frames.has_waiting() && !TRY(client.wait_for_request(Deadline::in(most)))) return Done{};
      deadline = Deadline::in(most);
    }
    auto const frame = TRY(frames.next(deadline));
    if (!frame) return Done{};
    is_idle = frame->letter == 'C' || frame->letter == 'X';
    if (frame->letter == 'C') {
      auto const result = commit(injector, client, pending);
      TRY(answer(client, result));
      if (result) notice.tell(*result);
    } else if (frame->letter == 'M' || frame->letter == 'E') {
      if (pending.error) continue;
      Status taken =
          frame->letter == 'M' ? take_message(injector, client, pending, frame->content) : take_envelope(pending, frame->content);
      if (!taken) pending.error.emplace(std::move(taken).error());
    } else if (frame->letter != 'X') {
      return permanent("a frame that is not a client's");
    }
    if (is_idle) {
      pending.reset();
      client.set_unfinished(0);
    }
  }
}

void serve(Client& client, void* context) {
  auto const status = converse(*static_cast<Injector*>(context), client);
  if (!status)
    LogLine{"broken-connection"}.add("uid", std::uint64_t{client.peer().uid}).add("error", status.error().text()).write();
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  bool const is_trusted = args.arguments.size() == 1 && args.arguments[0] == "trusted";
  if (!is_trusted && (args.arguments.size() != 1 || args.arguments[0] != "anyone"))
    return permanent("usage: queue-inject trusted | anyone, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  Control control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Injector injector{is_trusted,
                    accounts,
                    std::move(control),
                    TRY(Directory::open("queue/tmp")),
                    TRY(Directory::open("queue/todo")),
                    TRY(Directory::open("run/queue-send")),
                    {}};
  injector.me = TRY(injector.control.me());
  TRY(confine());
  std::string refusal;
  append_queue_frame(refusal, 'T', too_many_connections);
  ServicePool pool = is_trusted ? trusted_pool : anyone_pool;
  pool.refusal = refusal;
  return serve_clients(pool, args.variable("NOTIFY").value_or(""), serve, &injector);
}
