// users - the database of mailboxes: users/cdb, compiled by `postern user` from users/assign (qmail's format)
//
//   =name:user:uid:gid:home:dash:ext:       exactly this local name
//   +prefix:user:uid:gid:home:dash:pre:     every local name that begins so; what follows the prefix is added to pre
//
// Keys and values are those of qmail's users/cdb: "!" and the lower-case name and NUL, or "!" and the prefix; "" holds
// the last characters of all prefixes. Names are asked from longest to shortest; the whole name wins. "q" and a user, a key
// that qmail never asks for, holds the quota of that user's mailbox, from users/quotas.
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/mail/quota.h"
#include "lib/os/account.h"
#include "lib/os/directory.h"

namespace postern {

struct Mailbox {
  std::string user;
  uid_t uid;         // never 0
  gid_t gid;         // never 0
  std::string home;  // absolute
  std::string dash;  // what separates the extension: "", "-", "+"
  std::string extension;
  Quota quota = {};  // none, unless the database has one

  // The first six, from "user\0uid\0gid\0home\0dash\0ext" of a cdb value: the last one ends with it, as
  // qmail-newu has it.
  static Result<Mailbox> parse(Wire value);
};

std::string quota_key(std::string_view user);

class UsersDatabase {
 public:
  static Result<UsersDatabase> open(const Directory& users);  // users/cdb; opened anew to see a new one
  UsersDatabase(UsersDatabase&&) noexcept;
  UsersDatabase& operator=(UsersDatabase&&) noexcept;
  ~UsersDatabase();

  // None: there is no such mailbox. An error: the database is damaged or cannot be read.
  Result<std::optional<Mailbox>> find(std::string_view local_name) const;

 private:
  struct Handle;
  Result<std::optional<Mailbox>> find_mailbox(std::string_view local_name) const;
  explicit UsersDatabase(Handle* handle) : handle_(handle) {}
  Handle* handle_;
};

}  // namespace postern
