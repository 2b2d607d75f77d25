#include "remote/host_connector.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "lib/net/remote_words.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr Milliseconds dns_time = 60s;         // for one host after the other: MX first, then addresses
constexpr Milliseconds all_tries_time = 5min;  // then no further host is tried
constexpr std::size_t most_tries = 20;

std::string name_of(const MailHost& host) { return host.name + "[" + host.address.text() + "]"; }

Status bind_to(int socket, const IpAddress& source) {
  sockaddr_storage address{};
  socklen_t const length = Endpoint{source, 0}.write_to(address);
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return system_error("control/outgoingip: bind", source.text());
  return Done{};
}

Status finish_connect(int socket, Deadline deadline) {
  TRY(wait_writable(socket, deadline));
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return system_error("SO_ERROR");
  if (error != 0) return Error{Fate::temporary, "connect", {}, error};
  return Done{};
}

Result<Fd> connect_to(const Endpoint& endpoint, const std::optional<IpAddress>& source, Deadline deadline) {
  int const family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  Fd fd{socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.is_open()) return system_error("socket");
  int const on = 1;
  if (setsockopt(fd.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return system_error("TCP_NODELAY");
  if (source) TRY(bind_to(fd.number(), *source));
  sockaddr_storage address{};
  socklen_t const length = endpoint.write_to(address);
  if (connect(fd.number(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS) return system_error("connect");
    TRY(finish_connect(fd.number(), deadline));
  }
  return fd;
}

}  // namespace

Result<std::vector<DnsAnswer>> DnsResolver::ask(std::span<const Question> questions, Deadline deadline) {
  if (!client_) is_gone_ = true;
  if (!client_) return client_.error();
  std::vector<std::uint32_t> numbers;
  std::vector<DnsAnswer> answers(questions.size());
  auto const ask_all = [&]() -> Status {
    for (const Question& question : questions) numbers.push_back(TRY(client_->send(question.type, question.name, deadline)));
    for (std::size_t left = questions.size(); left > 0; --left) {
      auto answer = TRY(client_->next(deadline));
      auto const at = std::find(numbers.begin(), numbers.end(), answer.number);
      if (at != numbers.end()) answers[static_cast<std::size_t>(at - numbers.begin())] = std::move(answer.answer);
    }
    return Done{};
  };
  auto const asked = ask_all();
  if (asked) return answers;
  for (std::uint32_t const number : numbers) client_->forget(number);
  if (asked.error().number() == ETIMEDOUT) return answers;  // those that did not come say "failed"
  is_gone_ = true;
  return asked.error();
}

void HostConnector::start() {
  planner_.forget();
  found_ = find_mail_hosts(destination_, settings_.own, resolver_, Deadline::in(dns_time));
  next_ = 0;
  tries_until_ = Deadline::in(all_tries_time);
  best_.reset();
  is_best_a_reply_ = false;
  do_all_refuse_ = found_.are_all;
}

// What another host answered says more than a connection that did not come about, and a better host's word more than a worse
// one's.
void HostConnector::remember(NoConnection attempt, bool is_reply) {
  do_all_refuse_ &= attempt.outcome == Outcome::failed;
  if (best_ && (is_best_a_reply_ || !is_reply)) return;
  best_ = std::move(attempt);
  is_best_a_reply_ = is_reply;
}

void HostConnector::note(SmtpRefusal refusal) {
  if (refusal.way == SmtpRefusal::Way::none) {  // no other host would be better off
    next_ = found_.hosts.size();
    return remember({Outcome::deferred, std::move(refusal.text), Blame::message}, true);
  }
  // RFC 7504: a host that takes no mail at all. Any other refusal may be of this client, or of today.
  auto const reply = RemoteReply::parse(Wire{refusal.text});
  bool const takes_no_mail = reply && reply->reply.starts_with("521");
  if (!takes_no_mail && refusal.text.starts_with('5')) refusal.text.front() = '4';
  bool const is_for_tls = refusal.text.starts_with("4.7.");
  remember({takes_no_mail ? Outcome::failed : Outcome::deferred, std::move(refusal.text)}, reply.has_value() || is_for_tls);
}

std::optional<SmtpClient> HostConnector::try_with(const MailHost& host, const TlsPlan& plan) {
  auto const& source = host.address.is_v4() ? settings_.source_v4 : settings_.source_v6;
  auto connected = connect_to({host.address, port()}, source, Deadline::in(settings_.connect_time).or_sooner(tries_until_));
  if (!connected) {
    remember({Outcome::deferred, remote_trouble("4.4.1", name_of(host), connected.error().text())}, false);
    return std::nullopt;
  }
  SmtpClient client{*std::move(connected), host, settings_.times};
  auto refusal = client.greet(settings_.helo, login_, plan, door_);
  if (!refusal) return client;
  client.quit();
  if (refusal->way != SmtpRefusal::Way::in_the_clear) {
    note(*std::move(refusal));
    return std::nullopt;
  }
  LogLine{"no-tls"}.add("host", name_of(host)).add("error", refusal->text).add("effect", "in the clear").write();
  return try_with(host, TlsPlan{});
}

std::optional<SmtpClient> HostConnector::try_host(const MailHost& host) {
  auto const planned = planner_.plan(host, resolver_, Deadline::in(dns_time).or_sooner(tries_until_));
  if (planned.trouble.empty()) return try_with(host, planned.plan);
  note({Fate::temporary, planned.trouble, planned.is_dns_gone ? SmtpRefusal::Way::none : SmtpRefusal::Way::other_host});
  return std::nullopt;
}

std::optional<SmtpClient> HostConnector::connect() {
  while (next_ < found_.hosts.size()) {
    if (next_ >= most_tries || tries_until_.has_passed()) {
      do_all_refuse_ = false;
      break;
    }
    if (auto client = try_host(found_.hosts[next_++])) return client;
  }
  return std::nullopt;
}

NoConnection HostConnector::no_connection() const {
  if (found_.hosts.empty()) return {found_.outcome, found_.why, found_.blame};
  if (!best_) return {Outcome::deferred, remote_trouble("4.4.1", destination_.host().text(), "no further host takes its mail")};
  NoConnection words = *best_;
  if (!do_all_refuse_ && words.outcome == Outcome::failed) {
    words.outcome = Outcome::deferred;
    words.text.front() = '4';
  }
  return words;
}

}  // namespace postern
