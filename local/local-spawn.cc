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

#include <list>

#include "lib/mail/users.h"
#include "lib/net/sender_connection.h"
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

struct Child {
  Mailbox mailbox;
  pid_t pid;
  RecordStream stream;
  std::optional<DeliveryKey> running;
  Deadline leaves = Deadline::never();  // when idle
};

class Spawner {
 public:
  Spawner(std::string local, std::string host, std::string here, Directory users, Accounts accounts)
      : local_(std::move(local)),
        host_(std::move(host)),
        here_(std::move(here)),
        users_(std::move(users)),
        accounts_(std::move(accounts)),
        sender_(accounts_.uid_of(Account::send)) {}

  void run(const Fd& signals);

 private:
  std::vector<DeliveryKey> running() const;
  void hear_sender();
  Status handle(Wire body);
  Result<Mailbox> mailbox_of(const LocalRequest& request) const;
  Status deliver(const LocalRequest& request, const Fd& message);
  Result<Child*> child_for(const Mailbox& mailbox);
  bool hear_child(Child& child);
  void lose(const Child& child);
  Deadline next_leave() const;

  std::string local_;
  std::string host_;
  std::string here_;  // Postern's directory
  Directory users_;
  Accounts accounts_;
  SenderConnection sender_;
  std::list<Child> children_;
};

std::vector<DeliveryKey> Spawner::running() const {
  std::vector<DeliveryKey> keys;
  for (const Child& child : children_)
    if (child.running) keys.push_back(*child.running);
  return keys;
}

void Spawner::hear_sender() {
  sender_.receive();
  while (auto const body = sender_.next_request())
    if (auto const status = handle(Wire{*body}); !status) return sender_.refuse(status.error());
}

Status Spawner::handle(Wire body) {
  LocalRequest const request = TRY(LocalRequest::parse(body));
  Fd const message = sender_.take_fd();
  if (!message.is_open()) return permanent("a request without its message");
  if (auto const started = deliver(request, message); !started) {
    const Error& error = started.error();
    sender_.report({error.is_permanent() ? Outcome::failed : Outcome::deferred, request.key, error.text()});
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
        child.mailbox.gid == mailbox.gid && child.mailbox.home == mailbox.home && child.mailbox.quota == mailbox.quota)
      return &child;
  if (children_.size() >= most_children) return temporary("4.3.2 too many deliveries at once");
  auto [own, others] = TRY(stream_pair());
  Spawn spawn{local_};
  spawn.variable("USER", mailbox.user).variable("HOME", mailbox.home).variable("HOST", host_);
  if (!mailbox.quota.is_none())
    spawn.variable("QUOTA", mailbox.quota.encoded()).variable("FULL", here_ + "/users/full/" + mailbox.user);
  spawn.give(0, others.number()).as(TRY(Uid::from(mailbox.uid)), TRY(Gid::from(mailbox.gid))).in(mailbox.home);
  auto const pid = spawn.start();
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
    sender_.report(*std::move(heard));
  }
}

// A child that went without an outcome, or spoke of something else.
void Spawner::lose(const Child& child) {
  if (!child.running) return;
  LogLine{"local-lost"}.add("user", child.mailbox.user).add("id", child.running->id.view()).write();
  sender_.report({Outcome::deferred, *child.running, "4.3.0 local ended without an outcome; see the log of local-spawn"});
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
  while (!is_stopping || !running().empty()) {
    std::vector<pollfd> waiting{{signals.number(), POLLIN, 0}, {is_stopping ? -1 : sender_.number(), POLLIN, 0}};
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
    reap_children();
    if (waiting[1].revents == 0) continue;
    if (sender_.is_open())
      hear_sender();
    else
      sender_.accept(running());
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
  Spawner spawner{std::string{args.arguments[0]}, TRY(control.me()), TRY(current_directory()), TRY(Directory::open("users")),
                  TRY(Accounts::read(control.directory()))};
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(confine());
  notify_ready(args.variable("NOTIFY").value_or(""));
  spawner.run(signals);
  return Done{};
}
