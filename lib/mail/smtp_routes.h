// smtp_routes - control/smtproutes: which mail goes to a host of the operator's choice, and not where MX records point
//
//   example.org:relay.example:587     that domain's mail goes to that relay (without a port: 25)
//   .example.org:[192.0.2.1]          all names below it, to an address; the longest name that fits counts
//   :relay.example:587 alice secret   all other mail, and who logs in there with which password
//   example.net:                      by MX after all
//   alice@here.example:relay.example  by sender, who is asked first: an address, then
//   @here.example:relay.example       its domain. Bounces have no sender and go by their recipients.
//
// Lines are a list's (lib/os/control.h). A password is given out only while nobody but the file's owner and group may read it;
// the routes are good either way.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/mail/destination.h"
#include "lib/os/control.h"

namespace postern {

class SmtpRoutes {
 public:
  static Result<SmtpRoutes> read(const Control& control);  // no file: everything by MX. Keeps no password.

  Destination destination(const Address& sender, const Domain& recipient) const;

  // Of a relay's user. A permanent error: there is none any more, or others may read it.
  static Result<std::string> password(const Control& control, const Destination& relay);

 private:
  SmtpRoutes() = default;
  const std::optional<Destination>* find(const std::string& key) const;

  std::unordered_map<std::string, std::optional<Destination>> relays_;  // no destination: by MX
};

}  // namespace postern
