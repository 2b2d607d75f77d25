// queue-clean - take messages out of the queue when queue-send says so, and wait for the disk on its behalf
//
// run by   its s6 service, as pn-queue; asked by queue-send alone
// fds      0 listening socket (lib/net/clean_protocol.h)   2 > log
// files    unlinks queue/todo/XX/ID; moves what is broken to queue/broken/ID, and unlinks it there; unlinks
//          old files of queue/tmp
// starts   nothing
// exits    0 told to stop   111 not now, try again
// see      queue-clean(8), doc/queue.md
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <vector>

#include "lib/net/clean_protocol.h"
#include "lib/os/account.h"
#include "lib/os/control.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;
constexpr auto sweep_every = Milliseconds{3'600'000};
constexpr auto oldest_unfinished = std::chrono::hours{36};  // queue-inject gives a request up long before
constexpr auto answer_wait = Milliseconds{60'000};
constexpr std::size_t syncs_between_removals = 8;

struct Queue {
  Directory tmp, todo, broken;
};

// Files that no request can still be writing: a crash left them.
void sweep(const Queue& queue) {
  auto const names = queue.tmp.names();
  if (!names) return LogLine{"sweep"}.add("error", names.error().text()).write();
  auto const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch());
  std::uint64_t removed = 0;
  for (const std::string& name : *names) {
    auto const status = queue.tmp.status_of(name);
    if (!status || !S_ISREG(status->st_mode) || Seconds{status->st_mtim.tv_sec} + oldest_unfinished > now) continue;
    if (queue.tmp.unlink(name)) ++removed;
  }
  if (removed > 0) LogLine{"sweep"}.add("removed", removed).write();
}

std::string path_of(const QueueId& id) { return id.directory() + "/" + id.text(); }

std::uint32_t error_of(const Status& status) {
  if (status || is_missing(status.error())) return 0;
  return static_cast<std::uint32_t>(status.error().number());
}

CleanRecord carry_out(const Queue& queue, const CleanRecord& request) {
  if (request.letter == CleanLetter::remove) {
    Status const removed = queue.todo.unlink(path_of(request.id));
    if (error_of(removed) != 0) LogLine{"remove"}.add("id", request.id.view()).add("error", removed.error().text()).write();
    return {CleanLetter::removed, request.id, error_of(removed)};
  }
  if (request.letter == CleanLetter::discard) {
    Status const removed = queue.broken.unlink(request.id.text());
    LogLine{"discard"}.add("id", request.id.view()).add("removed", removed ? "queue/broken" : removed.error().text()).write();
    return {CleanLetter::discarded, request.id, removed ? 0 : static_cast<std::uint32_t>(removed.error().number())};
  }
  Status const moved = queue.todo.rename(path_of(request.id), queue.broken, request.id.text());
  LogLine{"broken"}.add("id", request.id.view()).add("moved", moved ? "queue/broken" : moved.error().text()).write();
  return {CleanLetter::moved, request.id, error_of(moved)};
}

// One queue-send's connection: requests as they come; removals at once, syncs while nothing else waits.
class Session {
 public:
  Session(const Queue& queue, Fd socket) : queue_(queue), socket_(std::move(socket)) {}
  int fd() const { return socket_.number(); }
  bool is_syncing() const { return !syncs_.empty(); }

  // What the socket has to read; false: queue-send has gone, and everything that it asked for is done.
  Result<bool> serve() {
    bool const is_there = TRY(receive());
    TRY(answer());
    while (!is_there && !syncs_.empty()) TRY(sync_some());
    return is_there;
  }

  Status sync_some() {
    for (std::size_t done = 0; done < syncs_between_removals && !syncs_.empty(); ++done) {
      Sync const sync = std::move(syncs_.front());
      syncs_.pop_front();
      CleanRecord record{CleanLetter::synced, sync.id, 0};
      if (fdatasync(sync.file.number()) != 0) {
        record.error = static_cast<std::uint32_t>(errno);
        LogLine{"sync"}.add("id", sync.id.view()).add("error", system_error("fdatasync").text()).write();
      }
      answers_ += record.encoded();
    }
    return answer();
  }

 private:
  struct Sync {
    QueueId id;
    Fd file;
  };

  Result<bool> receive() {
    char room[64 * clean_record_size];
    for (std::size_t budget = 4096; budget > 0; --budget) {
      auto received = receive_with_fd(socket_.number(), room);
      if (!received) {
        if (received.error().number() == EAGAIN) return true;
        if (received.error().number() == ECONNRESET) return false;  // it died with answers unread; its requests were all read
        return received.error();
      }
      if (received->bytes == 0) return false;
      if (received->fd.is_open()) files_.push_back(std::move(received->fd));
      input_.append(room, received->bytes);
      TRY(take_records());
    }
    return true;
  }

  Status take_records() {
    std::string_view rest = input_;
    for (; rest.size() >= clean_record_size; rest.remove_prefix(clean_record_size)) {
      CleanRecord const request = TRY(CleanRecord::parse(Wire{rest.substr(0, clean_record_size)}));
      if (request.letter == CleanLetter::remove || request.letter == CleanLetter::broken ||
          request.letter == CleanLetter::discard) {
        answers_ += carry_out(queue_, request).encoded();
      } else if (request.letter == CleanLetter::sync) {
        if (files_.empty()) return permanent("clean protocol: a sync without a descriptor");
        syncs_.push_back({request.id, std::move(files_.front())});
        files_.pop_front();
      } else {
        return permanent("clean protocol: not a request");
      }
    }
    input_.erase(0, input_.size() - rest.size());
    return Done{};
  }

  Status answer() {
    if (answers_.empty()) return Done{};
    auto const wrote = write_all(socket_.number(), answers_, Deadline::in(answer_wait));
    answers_.clear();
    // Whoever asked may be gone: what it asked for is done all the same.
    if (!wrote && wrote.error().number() != EPIPE && wrote.error().number() != ECONNRESET) return wrote;
    return Done{};
  }

  const Queue& queue_;
  Fd socket_;
  std::string input_, answers_;
  std::deque<Fd> files_;  // descriptors whose records are not whole yet
  std::deque<Sync> syncs_;
};

Result<std::optional<Session>> accept_session(const Queue& queue, uid_t sender) {
  Fd socket{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!socket.is_open()) return std::optional<Session>{};
  Peer const peer = TRY(peer_of(socket.number()));
  if (peer.uid != sender) {
    LogLine{"refused"}.add("uid", std::uint64_t{peer.uid}).add("reason", "only queue-send may ask").write();
    return std::optional<Session>{};
  }
  CleanRecord const ready{CleanLetter::ready, TRY(QueueId::parse(Wire{std::string_view{"0000000000000000000"}}))};
  if (!write_all(socket.number(), ready.encoded(), Deadline::in(answer_wait))) return std::optional<Session>{};  // gone already
  return std::optional{Session{queue, std::move(socket)}};
}

// One step of the session, or its end.
void serve(std::optional<Session>& session, bool is_readable) {
  if (is_readable) {
    auto const is_there = session->serve();
    if (!is_there) LogLine{"session"}.add("error", is_there.error().text()).write();
    if (!is_there || !*is_there) return session.reset();
  }
  auto const synced = session->sync_some();
  if (!synced) LogLine{"session"}.add("error", synced.error().text()).write();
  if (!synced) session.reset();
}

Status run(const Queue& queue, uid_t sender, int signals) {
  std::optional<Session> session;
  Deadline next_sweep = Deadline::in(Milliseconds{0});
  for (;;) {
    if (next_sweep.has_passed()) {
      sweep(queue);
      next_sweep = Deadline::in(sweep_every);
    }
    pollfd waiting[2] = {{signals, POLLIN, 0}, {session ? session->fd() : listener, POLLIN, 0}};
    int const ready = poll(waiting, 2, session && session->is_syncing() ? 0 : next_sweep.poll_timeout());
    if (ready < 0 && errno != EINTR) return system_error("poll");
    if (ready < 0) continue;
    if (waiting[0].revents != 0) return Done{};  // what is asked for and not done is asked for again
    if (session) {
      serve(session, waiting[1].revents != 0);
    } else if (waiting[1].revents != 0) {
      auto accepted = accept_session(queue, sender);
      if (!accepted) LogLine{"accept"}.add("error", accepted.error().text()).write();
      if (accepted && *accepted) session.emplace(**std::move(accepted));
    }
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty()) return permanent("usage: queue-clean, without words, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  Control const control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Queue const queue{TRY(Directory::open("queue/tmp")), TRY(Directory::open("queue/todo")), TRY(Directory::open("queue/broken"))};
  TRY(set_nonblocking(listener));
  Fd const signals = TRY(signal_events({SIGTERM}));
  TRY(confine());
  notify_ready(args.variable("NOTIFY").value_or(""));
  return run(queue, accounts.uid_of(Account::send), signals.number());
}
