// routes - where an address goes: to a user of this host, to another host, or nowhere
//
// control/locals, virtualdomains and rcpthosts, with qmail's meanings. Local names are what the users database is
// asked for: the local part for a domain of locals; prefix-localpart for a domain of virtualdomains. Case is folded.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "lib/mail/address.h"
#include "lib/os/control.h"

namespace postern {

struct Route {
  enum class Kind : unsigned char { local, remote };
  Kind kind;
  std::string name;  // local: the name for the users database, lower case; remote: the domain
};

class Routes {
 public:
  static Result<Routes> read(const Control& control);

  Route route(const Address& address) const;               // of any valid recipient
  bool is_accepted_from_strangers(const Domain& domain) const;  // locals, virtualdomains and rcpthosts; else it is relaying
  bool is_local(const Domain& domain) const { return locals_.contains(domain.text()); }  // its users are called without it
  const std::string& me() const { return me_; }

 private:
  Routes() = default;
  const std::string* prefix_of(const Address& address) const;

  std::string me_;
  std::unordered_set<std::string> locals_;
  std::unordered_map<std::string, std::string> virtual_;  // user@domain, domain, .domain or "" to prefix
  std::unordered_set<std::string> accepted_;                // domain or .domain
};

}  // namespace postern
