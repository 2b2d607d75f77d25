#include "dnsq/dns_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

// Clients at once: of all, of all ordinary users, of one of them.
constexpr std::size_t most_clients = 1500, most_ordinary_clients = 200, most_clients_of_uid = 10;
// Questions at once: of all, of one client, of all ordinary users, of one of them.
constexpr std::size_t most_asked = 1000, most_asked_of_client = 100, most_ordinary_asked = 200, most_asked_of_uid = 50;
constexpr std::size_t most_in_library = 3000;  // those that nobody waits for any more too
// Bytes of answers that wait to be read: of all clients, of ordinary ones.
constexpr std::size_t most_unread = 64u << 20, most_ordinary_unread = 16u << 20;
constexpr std::size_t unread_to_hold_up = 64u << 10;  // of one client: no new question before these have left
constexpr auto answer_time = Milliseconds{40s};       // then a question has failed
constexpr auto time_of_old = Milliseconds{5s};        // older ones make room for new ones
constexpr auto look_again = Milliseconds{1s};
constexpr auto read_time = Milliseconds{1min};
constexpr auto idle_time = Milliseconds{5min};  // of an ordinary user's client
constexpr auto short_of_descriptors = Milliseconds{500ms};

DnsAnswer failure(std::string_view why) {
  DnsAnswer answer;
  answer.why = why;
  return answer;
}

}  // namespace

DnsServer::DnsServer(EventLoop& loop, const Accounts& accounts)
    : loop_(loop),
      accounts_(accounts),
      resolver_(loop, on_answer, this),
      listener_(loop, -1, on_listener, this),
      late_(loop, -1, on_late, this),
      settle_(loop, -1, on_settle, this) {}

void DnsServer::on_listener(void* server, unsigned) { static_cast<DnsServer*>(server)->accept_clients(); }
void DnsServer::on_late(void* server, unsigned) { static_cast<DnsServer*>(server)->end_late_ones(); }
void DnsServer::on_settle(void* server, unsigned) { static_cast<DnsServer*>(server)->serve_waiting(); }
void DnsServer::on_client(void* client, unsigned readiness) {
  static_cast<Client*>(client)->server->serve(static_cast<Client*>(client)->asker, readiness);
}
void DnsServer::on_answer(void* server, std::uint64_t id, const DnsAnswer& answer) {
  static_cast<DnsServer*>(server)->answer(id, answer);
}

Status DnsServer::listen(int socket) {
  listener_.set_fd(socket);
  return listener_.start(is_readable, std::nullopt, false);
}

void DnsServer::stop() {
  is_stopping_ = true;
  listener_.stop();
  for (auto at = clients_.begin(); at != clients_.end();) settle((at++)->second.asker);
}

bool DnsServer::is_done() const {
  return unread_ == 0 &&
         std::none_of(asked_.begin(), asked_.end(), [this](auto const& entry) { return clients_.contains(entry.second.client); });
}

void DnsServer::log_refusal(uid_t uid, std::string_view why) {
  Milliseconds const now = monotonic_now();
  if (now - last_log_ < Milliseconds{1s}) return;  // nobody fills the log
  last_log_ = now;
  LogLine{"refused"}.add("uid", std::uint64_t{uid}).add("reason", why).write();
}

std::string_view DnsServer::refusal_of(uid_t uid, bool is_ordinary) const {
  if (clients_.size() >= most_clients) return "too many clients";
  if (!is_ordinary) return {};
  std::size_t of_all = 0;
  std::size_t of_uid = 0;
  for (auto const& [id, client] : clients_) {
    of_all += client.asker.is_ordinary();
    of_uid += client.asker.uid() == uid;
  }
  if (of_uid >= most_clients_of_uid) return "too many clients of this uid";
  return of_all >= most_ordinary_clients ? "too many clients of this host's users" : std::string_view{};
}

void DnsServer::accept_clients() {
  Fd socket{accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  bool const is_short = !socket.is_open() && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS);
  auto const again =
      is_short ? listener_.start(0, short_of_descriptors, false) : listener_.start(is_readable, std::nullopt, false);
  if (!again) LogLine{"accept"}.add("error", again.error().text()).write();
  if (!socket.is_open()) return;
  auto const peer = peer_of(socket.number());
  if (!peer) return;
  bool const is_ordinary = peer->uid != 0 && !accounts_.account_of(peer->uid);
  if (auto const why = refusal_of(peer->uid, is_ordinary); !why.empty()) return log_refusal(peer->uid, why);
  std::uint64_t const id = ++last_id_;
  auto const [at, is_new] = clients_.try_emplace(id, this, loop_, id, std::move(socket), peer->uid, is_ordinary);
  at->second.asker.call_with(on_client, &at->second);
  settle(at->second.asker);
}

void DnsServer::serve(Asker& asker, unsigned readiness) {
  if (readiness & is_ended) return drop(asker, {});
  if ((readiness & is_timed_out) && asker.unread() > 0) return drop(asker, "does not read its answers");
  if ((readiness & is_timed_out) && asker.under_way == 0) return drop(asker, {});
  if ((readiness & is_readable) && !asker.read()) return drop(asker, {});
  serving_ = asker.id();
  while (take_question(asker)) {
  }
  serving_ = 0;
  settle(asker);
}

bool DnsServer::may_ask(const Asker& asker) const {
  if (is_stopping_ || asker.under_way >= most_asked_of_client || asker.unread() >= unread_to_hold_up) return false;
  if (!asker.is_ordinary()) return true;
  auto const of_uid = ordinary_asked_.find(asker.uid());
  return ordinary_asked_in_all_ < most_ordinary_asked && (of_uid == ordinary_asked_.end() || of_uid->second < most_asked_of_uid);
}

// What has waited for long makes room; an answer that comes after all is in the cache for the next time.
bool DnsServer::make_room() {
  if (asked_.size() < most_asked) return true;
  auto const oldest = asked_.begin();
  if (monotonic_now() - oldest->second.since < time_of_old) return false;
  answer(oldest->first, failure("no answer yet, and too many other questions"));
  return true;
}

bool DnsServer::take_question(Asker& asker) {
  if (!asker.has_question() || !may_ask(asker) || !make_room()) return false;
  auto question = asker.next_question();
  if (!question) {
    asker.break_off(question.error().what());
    return false;
  }
  ask(asker, **std::move(question));
  return true;
}

void DnsServer::ask(Asker& asker, DnsQuestion question) {
  std::uint64_t const id = ++last_id_;
  Asked const& asked =
      asked_.emplace(id, Asked{asker.id(), asker.uid(), asker.is_ordinary(), monotonic_now(), std::move(question)}).first->second;
  ++asker.under_way;
  if (asker.is_ordinary()) ++ordinary_asked_in_all_, ++ordinary_asked_[asker.uid()];
  if (resolver_.under_way() >= most_in_library) return answer(id, failure("too many questions without an answer"));
  DnsQuestion const copy = asked.question;  // the answer may come at once
  resolver_.ask(id, copy);
  if (!late_.is_started() && !late_.start(0, look_again, false)) LogLine{"timer"}.write();
}

void DnsServer::answer(std::uint64_t id, const DnsAnswer& answer) {
  auto const found = asked_.extract(id);
  if (!found) return;  // it came too late
  Asked const& asked = found.mapped();
  if (asked.is_ordinary) {
    --ordinary_asked_in_all_;
    if (--ordinary_asked_[asked.uid] == 0) ordinary_asked_.erase(asked.uid);
  }
  auto const client = clients_.find(asked.client);
  if (client == clients_.end()) return;
  Asker& asker = client->second.asker;
  --asker.under_way;
  std::string const record = answer.encoded(asked.question.number);
  std::size_t const before = asker.unread();
  asker.answer(record);
  count_unread(asker, before);
  if (asker.id() == serving_) return;  // it is settled when its turn is over
  touched_.push_back(asker.id());
  if (!settle_.is_started() && !settle_.start(0, Milliseconds{0}, false)) LogLine{"timer"}.write();
}

void DnsServer::count_unread(const Asker& asker, std::size_t before) {
  std::size_t const change = asker.unread() - before;  // modulo 2^64: it may be less
  unread_ += change;
  if (asker.is_ordinary()) ordinary_unread_ += change;
}

bool DnsServer::reads_too_little(const Asker& asker) const {
  if (asker.unread() < unread_to_hold_up) return false;
  return unread_ > most_unread || (asker.is_ordinary() && ordinary_unread_ > most_ordinary_unread);
}

// Sends what can leave, then waits for what comes next; or ends it.
void DnsServer::settle(Asker& asker) {
  std::size_t const before = asker.unread();
  bool const is_there = asker.write();
  count_unread(asker, before);
  if (!is_there) return drop(asker, {});
  if (asker.is_broken()) return drop(asker, asker.why_broken());
  if (reads_too_little(asker)) return drop(asker, "does not read its answers");
  bool const is_held_up = asker.has_question() || is_stopping_;
  if (is_held_up && !std::exchange(asker.is_in_line, true)) waiting_.push_back(asker.id());
  std::optional<Milliseconds> longest;
  if (asker.unread() > 0)
    longest = read_time;
  else if (asker.is_ordinary())
    longest = idle_time;
  if (auto const status = asker.wait(is_held_up, longest); !status) drop(asker, status.error().text());
}

void DnsServer::drop(Asker& asker, std::string_view why) {
  if (!why.empty()) log_refusal(asker.uid(), why);
  unread_ -= asker.unread();
  if (asker.is_ordinary()) ordinary_unread_ -= asker.unread();
  clients_.erase(asker.id());
}

// Everybody whose question had to wait gets one asked in turn, as long as there is room.
void DnsServer::serve_waiting() {
  std::deque<std::uint64_t> waiting = std::exchange(waiting_, {});
  while (!waiting.empty() && !is_stopping_) {
    std::uint64_t const id = waiting.front();
    waiting.pop_front();
    auto const client = clients_.find(id);
    if (client == clients_.end()) continue;
    client->second.asker.is_in_line = false;
    if (take_question(client->second.asker)) waiting.push_back(id);
    touched_.push_back(id);
  }
  std::vector<std::uint64_t> touched = std::exchange(touched_, {});
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (std::uint64_t const id : touched)
    if (auto const client = clients_.find(id); client != clients_.end()) settle(client->second.asker);
}

void DnsServer::end_late_ones() {
  Milliseconds const now = monotonic_now();
  while (!asked_.empty() && now - asked_.begin()->second.since >= answer_time)
    answer(asked_.begin()->first, failure("no answer in time"));
  serve_waiting();  // old ones may make room by now
  if (!asked_.empty() && !late_.start(0, look_again, false)) LogLine{"timer"}.write();
}

}  // namespace postern
