// tls_policy - control/tlspolicy: what TLS a destination's mail wants
//
//   may                       for all that have no line of their own
//   example.org:verify        that domain's mail; an address literal likewise
//   .example.org:encrypt      all domains below it; the longest name that fits counts
//   relay.example:587:dane    what goes to that relay of control/smtproutes, whoever its user is
//
// Names are compared as A-labels, so one line holds in whatever script a sender writes the domain.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/destination.h"
#include "lib/mail/domain_values.h"
#include "lib/os/control.h"

namespace postern {

enum class TlsPolicy : unsigned char {
  none,     // never
  may,      // where it is offered; where it fails, in the clear
  encrypt,  // always, whatever certificate the host has
  verify,   // always, with a certificate that names the host and comes from somebody who is trusted
  dane,     // as the host's TLSA records say, where DNSSEC vouches for them; else as may (RFC 7672)
};

std::string_view tls_policy_name(TlsPolicy policy);

struct TlsPolicyLine {
  std::string name;  // as TlsPolicies compares it; empty: for all
  TlsPolicy policy;

  static Result<TlsPolicyLine> parse(Wire line);
  friend bool operator==(const TlsPolicyLine&, const TlsPolicyLine&) = default;
};

class TlsPolicies {
 public:
  TlsPolicies() : policies_(TlsPolicy::dane) {}
  static Result<TlsPolicies> read(const Control& control);

  Status add(const TlsPolicyLine& line);  // a permanent error: the same name again
  TlsPolicy of(const Destination& destination) const;

 private:
  DomainValues<TlsPolicy> policies_;
  std::vector<std::string> names_;
};

}  // namespace postern
