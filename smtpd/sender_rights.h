// sender_rights - as whom somebody who is logged in may send: his own addresses, and what control/sendas grants
//
//   alice:info@here.example      this address          alice:@club.example      every address of that domain
//   root@here.example:*          anybody's; a login is written as users/passwords has it
//
// Own are the addresses whose mail comes into the login's mailbox, sub-addresses and extensions among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/os/control.h"
#include "smtpd/recipient_check.h"

namespace postern {

// One line of control/sendas.
struct SendAs {
  std::string login;
  std::string local_part;  // lower case; empty: every one
  std::string domain;      // lower case; empty: every one

  static Result<SendAs> parse(Wire line);
  bool covers(std::string_view login_asking, const Address& address) const;
};

class SenderRights {
 public:
  SenderRights() = default;
  static Result<SenderRights> read(const Control& control);

  // `recipients` knows whose mailbox an address is. An error: that cannot be said now.
  Result<bool> may_send(std::string_view login, const Address& address, const RecipientCheck& recipients) const;

 private:
  std::vector<SendAs> grants_;
};

}  // namespace postern
