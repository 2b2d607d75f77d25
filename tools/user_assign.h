// user_assign - users/assign, the mailboxes as a person reads and writes them (qmail's format, qmail-users(5))
//
//   =name:user:uid:gid:home:dash:ext:       exactly this local name
//   +prefix:user:uid:gid:home:dash:pre:     every local name that begins so
//   .                                       the last line
//
// Read strictly: what is not such a line is an error that names its line, so nothing is ever compiled by half. Names are
// kept in lower case, no name stands there twice, and order is kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/users.h"
#include "tools/user_quotas.h"

namespace postern {

constexpr std::size_t largest_assign_file = 64u << 20;

struct Assignment {
  bool is_prefix;    // a "+" line
  std::string name;  // lower case
  Mailbox mailbox;
};

class Assignments {
 public:
  Assignments() = default;
  static Result<Assignments> parse(Wire file);
  std::string encoded() const;
  // Writes the database that lib/mail/users.h reads into a new, empty file; the caller syncs it.
  Status compile(int file, const Quotas& quotas) const;

  // "alice" and "alice+anything" (a sub-address, RFC 5233) go to this mailbox.
  void add(const std::string& local_name, const Mailbox& mailbox);
  void remove(std::string_view user);  // every line of that user
  // Every line of from.user becomes one of to.user. The local name that add() made changes with it, as do homes at or
  // below from.home; other names stay. An error: another mailbox has such a name; nothing was changed then.
  struct Place {
    std::string user, local_name, home;
  };
  Status rename(const Place& from, const Place& to);
  bool has_name(std::string_view name) const;                // as add() would make it
  const Assignment* find_user(std::string_view user) const;  // its first line; valid until the next change
  const std::vector<Assignment>& lines() const { return lines_; }

 private:
  std::vector<Assignment> lines_;
};

}  // namespace postern
