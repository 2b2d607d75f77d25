// recipient_check - who may be written to from outside: mailboxes of this host, and what control/rcpthosts adds
#pragma once

#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/mail/routes.h"
#include "lib/mail/users.h"
#include "lib/os/control.h"

namespace postern {

class RecipientCheck {
 public:
  enum class Verdict : unsigned char { accept, relaying, unknown, try_later };
  struct Answer {
    Verdict verdict;
    Address address;         // where accepted mail goes: as asked, or postmaster's of this host
    std::string error = {};  // why it cannot be said now
  };

  // A users database that cannot be opened is no reason to turn clients away: its recipients are answered "try later".
  static Result<RecipientCheck> read(const Control& control, const Result<Directory>& users);

  Answer check(Address address) const;
  Address postmaster() const { return postmaster_; }

 private:
  RecipientCheck(Routes routes, Result<UsersDatabase> users, Address postmaster)
      : routes_(std::move(routes)), users_(std::move(users)), postmaster_(std::move(postmaster)) {}
  Routes routes_;
  Result<UsersDatabase> users_;
  Address postmaster_;
};

}  // namespace postern
