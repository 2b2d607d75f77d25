// tls_plan - what control/tlspolicy, DNSSEC and a password ask of the connection with one host (RFC 7672, RFC 3207)
//
// DANE counts where DNSSEC vouches for all of it: that this is a host of the destination (its MX records, or the operator's own
// word for a relay), its addresses, and its TLSA records. Such records must be had: a host whose records cannot be had is not
// used, for whoever keeps them away may stand in between.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "lib/net/tls_protocol.h"
#include "remote/mail_hosts.h"
#include "remote/smtp_login.h"
#include "remote/tls_policy.h"

namespace postern {

struct TlsPlan {
  enum class Demand : unsigned char { never, may, must };
  Demand demand = Demand::never;
  TlsWanted wanted = {};
  std::string why = {};  // it must, in words for a report: "control/tlspolicy says encrypt"
};

// What TLSA records say: those of usages 2 and 3 that can be understood (RFC 7672 §3.1). Nothing: they do not count.
struct DaneRecords {
  std::vector<DnsTlsa> usable;  // all of them: what DNS can answer, tlsd can be told. None: there are some, and none of them can
                                // be used; TLS all the same (RFC 7672 §2.2)
};
std::optional<DaneRecords> dane_records(const DnsAnswer& tlsa);

class TlsPlanner {
 public:
  TlsPlanner(const Destination& destination, TlsPolicy policy, bool has_login)
      : destination_(destination), policy_(policy), has_login_(has_login) {}

  struct Planned {
    TlsPlan plan = {};
    std::string trouble = {};  // the host is not to be used: why, for a report
    bool is_dns_gone = false;  // it is dnsqd's trouble, not the host's
  };
  Planned plan(const MailHost& host, Resolver& resolver, Deadline deadline);
  void forget() { found_.clear(); }  // hosts are looked up anew

 private:
  Planned plan_by_dane(const MailHost& host, Resolver& resolver, Deadline deadline);
  Planned planned(const MailHost& host, TlsPlan::Demand demand, TlsWanted::Mode mode) const;
  bool must_verify(const MailHost& host) const;
  std::vector<std::string> names_of(const MailHost& host) const;

  Destination destination_;
  TlsPolicy policy_;
  bool has_login_;
  std::map<std::string, Planned> found_;  // by DANE, of each host name
};

}  // namespace postern
