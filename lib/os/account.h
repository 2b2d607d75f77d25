// account - the users that Postern's programs run as, by name in the code and by number at run time
//
// Numbers come from control/accounts ("pn-smtp 990 990", a line an account), which tools/setup-accounts writes when it
// makes the users: no program asks NSS.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class Directory;

// A user id that is not root's.
class Uid {
 public:
  static Result<Uid> parse(Wire digits);
  static Result<Uid> from(uid_t number);
  uid_t number() const { return number_; }
  friend bool operator==(const Uid&, const Uid&) = default;

 private:
  explicit Uid(uid_t number) : number_(number) {}
  uid_t number_;
};

// Gid: likewise, never root's group.
class Gid {
 public:
  static Result<Gid> parse(Wire digits);
  static Result<Gid> from(gid_t number);
  gid_t number() const { return number_; }
  friend bool operator==(const Gid&, const Gid&) = default;

 private:
  explicit Gid(gid_t number) : number_(number) {}
  gid_t number_;
};

enum class Account : unsigned char {
  smtp,
  submit,
  queue,
  send,
  bounce,
  remote,
  dns,
  desk,
  log,
  tls,
  tlsc,
  key,
  auth,
  count,
  login,
  check,
  shadow,
  root,
  caller,
  mailbox
};
constexpr std::size_t account_count = 17;  // those with a user of their own; root, caller and mailbox have none
constexpr std::array<std::string_view, 20> account_names = {
    "pn-smtp", "pn-submit", "pn-queue", "pn-send",  "pn-bounce", "pn-remote", "pn-dns",    "pn-desk", "pn-log", "pn-tls",
    "pn-tlsc", "pn-key",    "pn-auth",  "pn-count", "pn-login",  "pn-check",  "pn-shadow", "root",    "caller", "mailbox"};

class Accounts {
 public:
  static Result<Accounts> read(const Directory& control);
  static Result<Accounts> parse(Wire file);

  uid_t uid_of(Account account) const { return uids_[static_cast<std::size_t>(account)]; }
  std::optional<Account> account_of(uid_t uid) const;  // one of ours, or none

 private:
  std::array<uid_t, account_count> uids_{};
};

}  // namespace postern
