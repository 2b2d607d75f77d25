// mail_hosts - which hosts take a destination's mail, in the order in which they are tried (RFC 5321 §5.1, RFC 7505)
//
// By MX: the lowest preference first, hosts of equal preference in random order, of each host IPv6 and IPv4 addresses in turn.
// This host, and whatever is not better than it, is left out. Without any MX record the domain's own addresses count. A relay
// and a literal are what they say. Names behind CNAMEs are followed by dnsqd.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/mail/destination.h"
#include "lib/net/delivery_protocol.h"
#include "lib/net/dns_protocol.h"
#include "lib/net/ip.h"
#include "remote/smtp_exchange.h"

namespace postern {

constexpr std::size_t most_mail_hosts = 16;      // of a domain: the best ones
constexpr std::size_t most_host_addresses = 16;  // of one host and family

// What this host is called and where it is reached: mail must not be sent there.
struct OwnHost {
  std::vector<std::string> names;  // A-labels, lower case
  std::vector<IpAddress> addresses;

  bool is(std::string_view name) const;
  bool is(const IpAddress& address) const;  // and what no other host can have: 0.0.0.0, ::, ::1
};

// The addresses of this host's interfaces, as the kernel has them now.
Result<std::vector<IpAddress>> own_addresses();

// Who answers questions: dnsqd, or a test. All answers, in the order of the questions; an error is dnsqd's trouble.
class Resolver {
 public:
  struct Question {
    DnsType type;
    std::string name;
  };
  virtual ~Resolver() = default;
  virtual Result<std::vector<DnsAnswer>> ask(std::span<const Question> questions, Deadline deadline) = 0;
};

struct MailHosts {
  std::vector<MailHost> hosts;
  bool are_all = true;  // false: one more may be found when DNS answers again
  // When there are none: what becomes of the mail, in words for a report.
  Outcome outcome = Outcome::deferred;  // or failed
  std::string why;
  Blame blame = Blame::destination;
};

MailHosts find_mail_hosts(const Destination& destination, const OwnHost& own, Resolver& resolver, Deadline deadline);

}  // namespace postern
