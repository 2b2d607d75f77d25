// local-spawn - become a mailbox's user and start its `local`; the only way from the queue to a mailbox
//
// run by   its s6 service, as root: `local-spawn /path/to/local`
// fds      0 listening socket; one queue-send at a time (lib/net/delivery_protocol.h)   2 > log
// files    reads users/cdb for each delivery        starts  local, as the mailbox's uid, in its home
// exits    0 told to stop and nothing runs   100 wrong arguments   111 system trouble
// see      local-spawn(8)
//
// It parses two things: a bounded record from queue-send, and a value of users/cdb, which root wrote. Outcomes are kept
// until queue-send says that it has acted on them, so that its restart delivers nothing twice.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <deque>
#include <list>
#include <map>

#include "lib/mail/users.h"
#include "lib/net/delivery_protocol.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "lib/os/spawn.h"

namespace postern {
namespace {

constexpr Milliseconds idle_time = 1s;
constexpr uid_t lowest_uid = 100;  // below are the system's own accounts
constexpr std::size_t most_children = 1000;

// Records as they arrive on a stream, and the descriptors that came with them, in the same order.
class RecordStream {
 public:
  explicit RecordStream(Fd socket) : socket_(std::move(socket)) {}
  int number() const { return socket_.number(); }

  // Reads once. False: the other side is gone.
  bool receive() {
    char room[record_head + record_most];
    auto received = receive_with_fd(socket_.number(), room);
    if (!received) LogLine{"receive"}.add("error", received.error().text()).write();
    if (!received || received->bytes == 0) return false;
    bytes_.append(room, received->bytes);
    if (received->fd.is_open()) fds_.push_back(std::move(received->fd));
    return true;
  }
  // The next whole record's body, or nothing yet; an error when what came cannot be one.
  Result<std::optional<std::string>> next() {
    if (bytes_.size() < record_head) return std::optional<std::string>{};
    std::size_t const length = TRY(record_length(Wire{std::string_view{bytes_}.substr(0, record_head)}));
    if (bytes_.size() < record_head + length) return std::optional<std::string>{};
    std::string body = bytes_.substr(record_head, length);
    bytes_.erase(0, record_head + length);
    return std::optional{std::move(body)};
  }
  Fd take_fd() {
    if (fds_.empty()) return Fd{};
    Fd fd = std::move(fds_.front());
    fds_.pop_front();
    return fd;
  }

 private:
  Fd socket_;
  std::string bytes_;
  std::deque<Fd> fds_;
};

struct Child {
  Mailbox mailbox;
  pid_t pid;
  RecordStream stream;
  std::optional<DeliveryKey> running;
  Deadline leaves = Deadline::never();  // when idle
};

class Spawner {
 public:
  Spawner(std::string local, std::string host, Directory users, Accounts accounts)
      : local_(std::move(local)), host_(std::move(host)), users_(std::move(users)), accounts_(std::move(accounts)) {}

  void run(const Fd& signals);

 private:
  void accept_sender();
  bool hear_sender();
  Status handle(Wire body);
  Result<Mailbox> mailbox_of(const LocalRequest& request) const;
  Status deliver(const LocalRequest& request, const Fd& message);
  Result<Child*> child_for(const Mailbox& mailbox);
  bool hear_child(Child& child);
  void lose(const Child& child);
  static void reap();
  bool is_delivering() const;
  void report(DeliveryReport report);
  void tell_sender(const std::string& record);
  Deadline next_leave() const;

  std::string local_;
  std::string host_;
  Directory users_;
  Accounts accounts_;
  std::optional<RecordStream> sender_;
  std::list<Child> children_;
  std::map<DeliveryKey, DeliveryReport> ended_;  // not yet forgotten
};

void Spawner::tell_sender(const std::string& record) {
  if (!sender_) return;
  if (!write_all(sender_->number(), record, Deadline::in(1min))) sender_.reset();  // it hears everything when it is back
}

void Spawner::report(DeliveryReport report) {
  tell_sender(report.encoded());
  ended_.insert_or_assign(report.key, std::move(report));
}

void Spawner::accept_sender() {
  Fd socket{accept4(0, nullptr, nullptr, SOCK_CLOEXEC)};
  if (!socket.is_open()) return;
  auto const peer = peer_of(socket.number());
  if (!peer || peer->uid != accounts_.uid_of(Account::send)) {
    LogLine{"refused"}.add("uid", std::uint64_t{peer ? peer->uid : 0}).add("reason", "not queue-send").write();
    return;
  }
  sender_.emplace(std::move(socket));
  std::string greeting;
  for (const auto& [key, report] : ended_) greeting += report.encoded();
  for (const Child& child : children_)
    if (child.running) greeting += DeliveryReport{Outcome::running, *child.running, {}}.encoded();
  tell_sender(greeting + ready_record());
}

// False: queue-send is gone, or speaks nonsense.
bool Spawner::hear_sender() {
  if (!sender_->receive()) return false;
  for (;;) {
    auto const body = sender_->next();
    if (!body || !*body) return body.has_value();
    if (auto const status = handle(Wire{**body}); !status) {
      LogLine{"refused"}.add("error", status.error().text()).write();
      return false;
    }
    if (!sender_) return true;
  }
}

Status Spawner::handle(Wire body) {
  if (body.bytes().front() == 'F') {
    ended_.erase(TRY(parse_forget(body)));
    return Done{};
  }
  LocalRequest const request = TRY(LocalRequest::parse(body));
  Fd const message = sender_->take_fd();
  if (!message.is_open()) return permanent("a request without its message");
  if (auto const started = deliver(request, message); !started) {
    const Error& error = started.error();
    report({error.is_permanent() ? Outcome::failed : Outcome::deferred, request.key, error.text()});
  }
  return Done{};
}

Result<Mailbox> Spawner::mailbox_of(const LocalRequest& request) const {
  auto const database = UsersDatabase::open(users_);
  if (!database) return Error{Fate::temporary, "4.3.0 cannot look up the mailbox:", database.error().text()};
  auto found = database->find(request.name);
  if (!found) return Error{Fate::temporary, "4.3.0 cannot look up the mailbox:", found.error().text()};
  if (!*found) return permanent("5.1.1 no mailbox here by that name");
  if ((*found)->uid < lowest_uid || accounts_.account_of((*found)->uid))
    return temporary("4.3.5 users/assign gives this mailbox a uid of the system");
  return **std::move(found);
}

Status Spawner::deliver(const LocalRequest& request, const Fd& message) {
  Mailbox const mailbox = TRY(mailbox_of(request));
  Child* const child = TRY(child_for(mailbox));
  LocalOrder const order{request.key, request.recipient, mailbox.dash, mailbox.extension};
  child->running = request.key;  // from here on its end is the outcome; one that may not have got its order has to end
  auto const sent = send_with_fd(child->stream.number(), order.encoded(), message.number(), Deadline::in(10s));
  if (!sent) LogLine{"local-order"}.add("id", request.key.id.view()).add("error", sent.error().text()).write();
  if (!sent) shutdown(child->stream.number(), SHUT_RDWR);
  return Done{};
}

// One that waits for this mailbox, or a new one.
Result<Child*> Spawner::child_for(const Mailbox& mailbox) {
  for (Child& child : children_)
    if (!child.running && child.mailbox.user == mailbox.user && child.mailbox.uid == mailbox.uid &&
        child.mailbox.gid == mailbox.gid && child.mailbox.home == mailbox.home)
      return &child;
  if (children_.size() >= most_children) return temporary("4.3.2 too many deliveries at once");
  auto [own, others] = TRY(stream_pair());
  auto const pid = Spawn{local_}
                       .variable("USER", mailbox.user)
                       .variable("HOME", mailbox.home)
                       .variable("HOST", host_)
                       .give(0, others.number())
                       .as(TRY(Uid::from(mailbox.uid)), TRY(Gid::from(mailbox.gid)))
                       .in(mailbox.home)
                       .start();
  if (!pid) return Error{Fate::temporary, "4.3.0 cannot start local:", pid.error().text()};
  children_.push_back(Child{mailbox, *pid, RecordStream{std::move(own)}, std::nullopt});
  return &children_.back();
}

// False: it is gone.
bool Spawner::hear_child(Child& child) {
  if (!child.stream.receive()) return false;
  for (;;) {
    auto const body = child.stream.next();
    if (!body || !*body) return body.has_value();
    auto heard = DeliveryReport::parse(Wire{**body});
    if (!heard || !child.running || heard->key != *child.running || heard->outcome == Outcome::running ||
        heard->outcome == Outcome::ready)
      return false;  // a `local` that was taken over can speak of its own delivery only
    child.running.reset();
    child.leaves = Deadline::in(idle_time);
    report(*std::move(heard));
  }
}

// A child that went without an outcome, or spoke of something else.
void Spawner::lose(const Child& child) {
  if (!child.running) return;
  LogLine{"local-lost"}.add("user", child.mailbox.user).add("id", child.running->id.view()).write();
  report({Outcome::deferred, *child.running, "4.3.0 local ended without an outcome; see the log of local-spawn"});
}

void Spawner::reap() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (status == 0) continue;
    LogLine{"local-failed"}
        .add("child", static_cast<std::uint64_t>(pid))
        .add(WIFSIGNALED(status) ? "signal" : "exit",
             static_cast<std::uint64_t>(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)))
        .write();
  }
}

bool Spawner::is_delivering() const {
  return std::any_of(children_.begin(), children_.end(), [](const Child& child) { return child.running.has_value(); });
}

Deadline Spawner::next_leave() const {
  Deadline next = Deadline::never();
  for (const Child& child : children_)
    if (!child.running) next = next.or_sooner(child.leaves);
  return next;
}

// Told to stop, it takes no further request and leaves when what runs has ended.
void Spawner::run(const Fd& signals) {
  bool is_stopping = false;
  while (!is_stopping || is_delivering()) {
    int const requests = is_stopping ? -1 : sender_ ? sender_->number() : 0;
    std::vector<pollfd> waiting{{signals.number(), POLLIN, 0}, {requests, POLLIN, 0}};
    for (const Child& child : children_) waiting.push_back({child.stream.number(), POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), next_leave().poll_timeout()) < 0) continue;
    std::size_t at = 2;
    for (auto child = children_.begin(); child != children_.end(); ++at) {
      bool const is_lost = waiting[at].revents != 0 && !hear_child(*child);
      if (is_lost) lose(*child);
      bool const leaves = is_lost || (!child->running && child->leaves.has_passed());
      child = leaves ? children_.erase(child) : std::next(child);  // closing its socket sends it home
    }
    for (int signal; (signal = next_signal(signals)) != 0;) is_stopping |= signal == SIGTERM;
    reap();
    if (waiting[1].revents == 0) continue;
    if (!sender_)
      accept_sender();
    else if (!hear_sender())
      sender_.reset();
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (args.arguments.size() != 1 || !args.arguments[0].starts_with('/'))
    return permanent("usage: local-spawn /path/to/local, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  Control const control = TRY(Control::open());
  Spawner spawner{std::string{args.arguments[0]}, TRY(control.me()), TRY(Directory::open("users")),
                  TRY(Accounts::read(control.directory()))};
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(confine());
  notify_ready(args.variable("NOTIFY").value_or(""));
  spawner.run(signals);
  return Done{};
}
