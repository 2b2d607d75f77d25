// recipient_check - who may be written to from outside: mailboxes of this host that have room, and what control/rcpthosts adds;
// and whose mailbox an address is
#pragma once

#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/mail/routes.h"
#include "lib/mail/users.h"
#include "lib/os/control.h"

namespace postern {

class RecipientCheck {
 public:
  enum class Verdict : unsigned char { accept, relaying, unknown, try_later, full, too_large };
  struct Answer {
    Verdict verdict;
    Address address;         // where accepted mail goes: as asked, or postmaster's of this host
    std::string error = {};  // why it cannot be said now
  };

  // A users database that cannot be opened is no reason to turn clients away: its recipients are answered "try later".
  static Result<RecipientCheck> read(const Control& control, const Result<Directory>& users);

  // `size`: of the message, as its sender says; 0 is unknown.
  Answer check(Address address, std::uint64_t size) const;
  // The user in whose mailbox mail for that address ends; empty: nobody's here. An error: it cannot be looked up now.
  Result<std::string> owner_of(const Address& address) const;
  Address postmaster() const { return postmaster_; }
  const std::string& me() const { return routes_.me(); }  // this host's name

 private:
  RecipientCheck(Routes routes, Result<UsersDatabase> users, std::optional<Directory> full, Address postmaster)
      : routes_(std::move(routes)), users_(std::move(users)), full_(std::move(full)), postmaster_(std::move(postmaster)) {}
  Verdict room_of(const Mailbox& mailbox, std::uint64_t size) const;
  Routes routes_;
  Result<UsersDatabase> users_;
  std::optional<Directory> full_;  // users/full, where mailboxes say that they are
  Address postmaster_;
};

}  // namespace postern
