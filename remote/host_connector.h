// host_connector - a connection with one of the hosts that take a destination's mail
//
// Hosts are tried in their order, each for a bounded time, until one takes the connection and greets, over TLS where it must
// be; what the ones before it said is kept for when none does. A host that offers TLS and cannot do it is asked once more in the
// clear, where control/tlspolicy leaves it at that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/net/dns_client.h"
#include "remote/mail_hosts.h"
#include "remote/remote_settings.h"

namespace postern {

// dnsqd, or why it cannot be asked. It is not connected to again: by then this process may not. A literal needs none.
class DnsResolver final : public Resolver {
 public:
  explicit DnsResolver(const Domain& host)
      : client_(host.is_literal() ? Result<DnsClient>{permanent("no DNS for a literal")} : DnsClient::connect_once()) {}
  Result<std::vector<DnsAnswer>> ask(std::span<const Question> questions, Deadline deadline) override;
  bool is_gone() const { return is_gone_; }  // a new process may find it again

 private:
  Result<DnsClient> client_;
  bool is_gone_ = false;
};

struct NoConnection {
  Outcome outcome;
  std::string text;
  Blame blame = Blame::destination;
};

class HostConnector {
 public:
  HostConnector(const Destination& destination, const RemoteSettings& options, std::optional<SmtpLogin> login, TlsDoor& door)
      : destination_(destination),
        settings_(options),
        login_(std::move(login)),
        door_(door),
        resolver_(destination.host()),
        planner_(destination, options.tls.of(destination), login_.has_value()) {}

  // Looks the hosts up anew: the next connect() begins with the best one.
  void start();
  // The next host that takes the connection; nothing: there is none left, and no_connection() says why.
  std::optional<SmtpClient> connect();
  NoConnection no_connection() const;

  std::uint16_t port() const { return destination_.is_relay() ? destination_.port() : settings_.port; }
  bool has_lost_dns() const { return resolver_.is_gone(); }

 private:
  std::optional<SmtpClient> try_host(const MailHost& host);
  std::optional<SmtpClient> try_with(const MailHost& host, const TlsPlan& plan);
  void note(SmtpRefusal refusal);
  void remember(NoConnection attempt, bool is_reply);

  Destination destination_;
  const RemoteSettings& settings_;
  std::optional<SmtpLogin> login_;
  TlsDoor& door_;
  DnsResolver resolver_;
  TlsPlanner planner_;
  MailHosts found_;
  std::size_t next_ = 0;
  Deadline tries_until_ = Deadline::never();
  std::optional<NoConnection> best_;  // what the best host that was tried said
  bool is_best_a_reply_ = false;
  bool do_all_refuse_ = true;  // for good
};

}  // namespace postern
