#include "auth/auth_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/core/wipe.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

// What an event's data says: a worker's number, one of these, or a connection's.
constexpr std::uint64_t on_asker = 1000, on_ticket = 1001, on_signal = 1002, first_connection = 2000;
constexpr Milliseconds looks_for_idle = 10s;

Status add(int events, int descriptor, std::uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0) return system_error("epoll_ctl");
  return Done{};
}

}  // namespace

Status AuthServer::listen(int askers, int tickets, int signals) {
  asker_socket_ = askers;
  ticket_socket_ = tickets;
  askers_ = Listener{askers};
  tickets_ = Listener{tickets};
  next_id_ = first_connection;
  TRY(add(events_, askers, on_asker));
  TRY(add(events_, tickets, on_ticket));
  return add(events_, signals, on_signal);
}

int AuthServer::timeout() const {
  Milliseconds const now = monotonic_now();
  Milliseconds wait = looks_for_idle;
  if (!due_.empty()) wait = std::min(wait, std::max(due_.begin()->first - now, Milliseconds{0}));
  int const rest = askers_.wakes().or_sooner(tickets_.wakes()).poll_timeout();
  int const milliseconds = static_cast<int>(wait.count());
  return rest < 0 ? milliseconds : std::min(rest, milliseconds);
}

Status AuthServer::serve() {
  while (!is_over_) {
    std::array<epoll_event, 64> ready;
    int const count = epoll_wait(events_, ready.data(), static_cast<int>(ready.size()), timeout());
    if (count < 0 && errno != EINTR) return system_error("epoll_wait");
    for (int i = 0; i < count; ++i)
      handle(ready[static_cast<std::size_t>(i)].data.u64, ready[static_cast<std::size_t>(i)].events);
    answer_due();  // which may find that a client has asked the next question already
    for (Verdict& verdict : checker_.give_out([this](std::uint64_t id) { return connections_.contains(id); }))
      schedule(std::move(verdict));
    close_idle();
    watch_listeners();
    wipe_stack();
  }
  return Done{};
}

void AuthServer::handle(std::uint64_t id, unsigned what) {
  if (id < checker_.workers()) {
    if (auto verdict = checker_.worker_is_ready(static_cast<unsigned>(id))) schedule(*std::move(verdict));
    return;
  }
  if (id == on_signal) is_over_ = true;
  if (id == on_asker) accept(askers_, false);
  if (id == on_ticket) accept(tickets_, true);
  auto const at = connections_.find(id);
  if (at == connections_.end()) return;
  if (at->second.is_busy && (what & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))) return close(at);  // nobody waits for the answer
  if (!at->second.is_busy) receive(at);
}

bool AuthServer::may_ask(uid_t uid, bool is_for_tickets) const {
  if (is_for_tickets) return uid == 0;
  auto const account = accounts_.account_of(uid);
  return account == Account::submit || account == Account::login;
}

void AuthServer::watch_listeners() {
  bool const is_wanted = askers_.number_while(true) >= 0 && tickets_.number_while(true) >= 0;
  if (is_wanted == are_listeners_watched_) return;
  are_listeners_watched_ = is_wanted;
  for (auto const& [number, id] : {std::pair{asker_socket_, on_asker}, std::pair{ticket_socket_, on_ticket}}) {
    epoll_event event{};
    if (is_wanted) event.events = EPOLLIN;
    event.data.u64 = id;
    if (epoll_ctl(events_, EPOLL_CTL_MOD, number, &event) != 0)
      LogLine{"accept"}.add("error", system_error("epoll_ctl").text()).write();
  }
}

void AuthServer::accept(Listener& listener, bool is_for_tickets) {
  Fd socket = listener.accept(SOCK_NONBLOCK);
  if (!socket.is_open()) return;
  auto const peer = peer_of(socket.number());
  if (!peer || !may_ask(peer->uid, is_for_tickets)) {
    LogLine{"refused"}.add("uid", std::uint64_t{peer ? peer->uid : 0}).add("reason", "not one who may ask here").write();
    return;
  }
  if (connections_.size() >= most_connections) make_room();
  if (connections_.size() >= most_connections) return LogLine{"refused"}.add("reason", "too many connections").write();
  std::uint64_t const id = next_id_++;
  AuthConnection& connection = connections_[id];
  connection.socket = std::move(socket);
  connection.is_for_tickets = is_for_tickets;
  connection.last_used = monotonic_now();
  watch(id, connection, true);
}

// While a question is answered only the other side's end is of interest.
void AuthServer::watch(std::uint64_t id, const AuthConnection& connection, bool is_new) {
  epoll_event event{};
  event.events = connection.is_busy ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;
  event.data.u64 = id;
  if (epoll_ctl(events_, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connection.socket.number(), &event) != 0) {
    LogLine{"receive"}.add("error", system_error("epoll_ctl").text()).write();
    close(connections_.find(id));
  }
}

void AuthServer::make_room() {
  auto oldest = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at)
    if (!at->second.is_busy && (oldest == connections_.end() || at->second.last_used < oldest->second.last_used)) oldest = at;
  if (oldest != connections_.end()) close(oldest);
}

void AuthServer::close_idle() {
  Milliseconds const now = monotonic_now();
  if (now - looked_for_idle_ < looks_for_idle) return;
  looked_for_idle_ = now;
  for (auto at = connections_.begin(); at != connections_.end();) {
    auto const one = at++;
    if (!one->second.is_busy && now - one->second.last_used > most_idle) close(one);
  }
}

void AuthServer::close(Connections::iterator at) {
  if (auto const verdict = verdicts_.find(at->first); verdict != verdicts_.end()) {
    due_.erase({verdict->second.due, at->first});
    verdicts_.erase(verdict);
  }
  connections_.erase(at);
}

void AuthServer::receive(Connections::iterator at) {
  AuthConnection& connection = at->second;
  connection.last_used = monotonic_now();
  if (!connection.room.receive(connection.socket.number())) return close(at);
  if (take_questions(at) && connection.is_busy) watch(at->first, connection, false);
}

// What has come of questions, up to one that takes its time. False: the connection is closed.
bool AuthServer::take_questions(Connections::iterator at) {
  AuthConnection& connection = at->second;
  while (!connection.is_busy) {
    bool is_wrong;
    auto const body = connection.room.record(is_wrong);
    if (!is_wrong && !body) break;
    if (is_wrong || !take_question(at->first, connection, *body)) {
      LogLine{"refused"}.add("reason", "not a question").write();
      close(at);
      return false;
    }
    connection.room.take();
  }
  return true;
}

// False: what came is no question that can be answered here.
bool AuthServer::take_question(std::uint64_t id, AuthConnection& connection, std::string_view body) {
  if (connection.is_for_tickets) {
    auto const request = TicketRequest::parse(Wire{body});
    return request && write(connection, checker_.redeem(*request).encoded());
  }
  auto request = AuthRequest::parse(Wire{body});
  if (!request) return false;
  bool const is_good = ask(id, connection, *request);
  wipe(request->password);
  return is_good;
}

bool AuthServer::ask(std::uint64_t id, AuthConnection& connection, AuthRequest& request) {
  if (request.kind == AuthRequest::Kind::last) {
    if (!connection.scram) return false;
    schedule(checker_.finish_scram(connection, request.message));
    connection.is_busy = true;
    return true;
  }
  connection.scram.reset();
  connection.scram_attempt.reset();
  Attempt attempt;
  attempt.connection = id;
  attempt.began = monotonic_now();
  attempt.context = std::move(request.context);
  if (auto client = IpAddress::parse(Wire{attempt.context.client})) attempt.client = *client;
  std::optional<Verdict> verdict;
  if (request.kind == AuthRequest::Kind::first) {
    attempt.mechanism = std::move(request.mechanism);
    verdict = checker_.begin_scram(std::move(attempt), request.message, connection);
    if (!verdict)
      return write(connection, AuthAnswer{AuthAnswer::Kind::challenge, {}, {}, connection.scram->server_first()}.encoded());
  } else {
    attempt.mechanism = "PLAIN";
    attempt.typed = std::move(request.login);
    attempt.password = Secret{request.password};
    verdict = checker_.begin(std::move(attempt));
  }
  connection.is_busy = true;
  if (verdict) schedule(*std::move(verdict));
  return true;
}

void AuthServer::schedule(Verdict verdict) {
  std::uint64_t const id = verdict.connection;
  if (!connections_.contains(id)) return;
  due_.emplace(verdict.due, id);
  verdicts_.insert_or_assign(id, std::move(verdict));
}

void AuthServer::answer_due() {
  while (!due_.empty() && due_.begin()->first <= monotonic_now()) {
    std::uint64_t const id = due_.begin()->second;
    due_.erase(due_.begin());
    auto verdict = verdicts_.extract(id);
    auto const at = connections_.find(id);
    checker_.add_ticket(verdict.mapped());
    AuthConnection& connection = at->second;
    connection.is_busy = false;
    connection.last_used = monotonic_now();
    if (!write(connection, verdict.mapped().answer.encoded())) {
      close(at);
      continue;
    }
    if (take_questions(at)) watch(id, connection, false);
  }
}

// Who asks one question at a time leaves room for its answer.
bool AuthServer::write(AuthConnection& connection, const std::string& record) {
  ssize_t const sent = send(connection.socket.number(), record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(record.size());
}

}  // namespace postern
