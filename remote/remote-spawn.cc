// remote-spawn - hand transactions to the `remote` of their destination, and start one where there is none
//
// run by   its s6 service, as pn-remote: `remote-spawn /path/to/remote`
// fds      0 listening socket; one queue-send at a time (lib/net/delivery_protocol.h)   2 > log
// files    none after the start        starts  remote, one for a destination and what runs there at once
// exits    0 told to stop and nothing runs   100 wrong arguments   111 system trouble
// see      remote-spawn(8)
//
// It reads no byte of a stranger: bounded records of queue-send, and the outcomes that its own children report, of which each
// may name only what it was given. Outcomes are kept until queue-send says that it has acted on them. A child whose host offers
// TLS gets a connection with tlsd (run/tlsc) from here.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <set>

#include "lib/net/sender_connection.h"
#include "lib/os/confine.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "lib/os/spawn.h"

namespace postern {
namespace {

constexpr Milliseconds idle_time = 5s;       // a connection waits so long for the next message
constexpr std::size_t most_children = 1000;  // those that wait included
constexpr std::size_t most_idle = 50;        // each that waits makes every start and every poll dearer
constexpr unsigned most_transactions = 100;  // of one remote: then the next one gets a new one, with settings as they are now

struct Child {
  std::string destination;
  RecordStream stream;
  std::set<DeliveryKey> running;  // empty: it waits
  unsigned transactions = 0;
  std::size_t tls_connections = 0;      // of the request under way
  Deadline leaves = Deadline::never();  // when idle
  bool is_idle() const { return running.empty(); }
};

class Spawner {
 public:
  Spawner(std::string remote, uid_t queue_send) : remote_(std::move(remote)), sender_(queue_send) {}

  void run(const Fd& signals);

 private:
  std::vector<DeliveryKey> running() const;
  void hear_sender();
  Status handle(Wire body);
  Status start(const RemoteRequest& request, const Fd& message);
  Result<Child*> child_for(const std::string& destination);
  std::size_t idle_children() const;
  bool make_room();
  bool hear_child(Child& child);
  bool connect_to_tls(Child& child);
  void lose(const Child& child);
  Deadline next_leave() const;

  std::string remote_;
  SenderConnection sender_;
  std::list<Child> children_;
};

std::vector<DeliveryKey> Spawner::running() const {
  std::vector<DeliveryKey> keys;
  for (const Child& child : children_) keys.insert(keys.end(), child.running.begin(), child.running.end());
  return keys;
}

void Spawner::hear_sender() {
  sender_.receive();
  while (auto const body = sender_.next_request())
    if (auto const status = handle(Wire{*body}); !status) return sender_.refuse(status.error());
}

Status Spawner::handle(Wire body) {
  RemoteRequest const request = TRY(RemoteRequest::parse(body));
  Fd const message = sender_.take_fd();
  if (!message.is_open()) return permanent("a request without its message");
  if (auto const started = start(request, message); !started)
    for (std::uint32_t const recipient : request.recipients)
      sender_.report({Outcome::deferred, {request.id, recipient}, started.error().text(), Blame::message});
  return Done{};
}

Status Spawner::start(const RemoteRequest& request, const Fd& message) {
  Child* const child = TRY(child_for(request.destination.text()));
  for (std::uint32_t const recipient : request.recipients) child->running.insert({request.id, recipient});
  ++child->transactions;
  child->tls_connections = 0;
  auto const sent = send_with_fd(child->stream.number(), request.encoded(), message.number(), Deadline::in(10s));
  if (!sent) LogLine{"remote-order"}.add("id", request.id.view()).add("error", sent.error().text()).write();
  if (!sent) shutdown(child->stream.number(), SHUT_RDWR);  // it may not have got its order: its end is the outcome
  return Done{};
}

// One that waits for this destination, or a new one.
Result<Child*> Spawner::child_for(const std::string& destination) {
  for (Child& child : children_)
    if (child.is_idle() && child.destination == destination) return &child;
  if (children_.size() >= most_children && !make_room()) return temporary("4.3.2 too many deliveries at once");
  auto [own, others] = TRY(stream_pair());
  auto const pid = Spawn{remote_}.argument(destination).give(0, others.number()).start();
  if (!pid) return Error{Fate::temporary, "4.3.0 cannot start remote:", pid.error().text()};
  children_.push_back(Child{destination, RecordStream{std::move(own)}, {}});
  return &children_.back();
}

std::size_t Spawner::idle_children() const {
  return static_cast<std::size_t>(
      std::count_if(children_.begin(), children_.end(), [](const Child& child) { return child.is_idle(); }));
}

// The one that has waited longest goes.
bool Spawner::make_room() {
  auto oldest = children_.end();
  for (auto child = children_.begin(); child != children_.end(); ++child)
    if (child->is_idle() && (oldest == children_.end() || child->leaves.poll_timeout() < oldest->leaves.poll_timeout()))
      oldest = child;
  if (oldest == children_.end()) return false;
  children_.erase(oldest);
  return true;
}

// False: it is gone, or was taken over: it can speak of what it was given only, once, and knows no mailbox.
bool Spawner::hear_child(Child& child) {
  if (!child.stream.receive()) return false;
  for (;;) {
    auto const body = child.stream.next();
    if (!body || !*body) return body.has_value();
    if (is_tls_wanted(Wire{**body})) {
      if (!connect_to_tls(child)) return false;
      continue;
    }
    auto heard = DeliveryReport::parse(Wire{**body});
    if (!heard) return false;
    bool const is_outcome = heard->outcome == Outcome::relayed || heard->outcome == Outcome::passed ||
                            heard->outcome == Outcome::deferred || heard->outcome == Outcome::failed;
    if (!is_outcome || child.running.erase(heard->key) == 0) return false;
    sender_.report(*std::move(heard));
    if (child.is_idle()) child.leaves = Deadline::in(child.transactions < most_transactions ? idle_time : Milliseconds{0});
  }
}

// A connection with the tlsd that is the client of other hosts, which a confined remote cannot make. False: it asks for more
// than it can need.
bool Spawner::connect_to_tls(Child& child) {
  if (child.is_idle() || ++child.tls_connections > tls_connections_most) return false;
  auto const connection = connect_stream_at_once(service_socket("tlsc"));
  if (!connection)
    return write_all(child.stream.number(), tls_answer_record(connection.error().text()), Deadline::in(10s)).has_value();
  auto const sent = send_with_fd(child.stream.number(), tls_answer_record({}), connection->number(), Deadline::in(10s));
  if (!sent) LogLine{"tls-connection"}.add("destination", child.destination).add("error", sent.error().text()).write();
  return sent.has_value();
}

// A child that went before all its recipients had an outcome: whatever ended it, it was not their message's destination.
void Spawner::lose(const Child& child) {
  if (child.is_idle()) return;
  LogLine{"remote-lost"}.add("destination", child.destination).add("id", child.running.begin()->id.view()).write();
  for (const DeliveryKey& key : child.running)
    sender_.report(
        {Outcome::deferred, key, "4.3.0 remote ended without an outcome; see the log of remote-spawn", Blame::message});
}

Deadline Spawner::next_leave() const {
  Deadline next = Deadline::never();
  for (const Child& child : children_)
    if (child.is_idle()) next = next.or_sooner(child.leaves);
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
      bool const leaves = is_lost || (child->is_idle() && child->leaves.has_passed());
      child = leaves ? children_.erase(child) : std::next(child);  // closing its socket sends it home
    }
    for (int signal; (signal = next_signal(signals)) != 0;) is_stopping |= signal == SIGTERM;
    while (idle_children() > most_idle) make_room();
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
    return permanent("usage: remote-spawn /path/to/remote, with a listening socket on descriptor 0");
  std::string_view const remote = args.arguments[0];
  TRY(check_service(ServiceSocket::listening));
  Control const control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Spawner spawner{std::string{remote}, accounts.uid_of(Account::send)};
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(confine_with(PathRule{remote.substr(0, remote.rfind('/') + 1), may_read | may_execute}));
  notify_ready(args.variable("NOTIFY").value_or(""));
  spawner.run(signals);
  return Done{};
}
