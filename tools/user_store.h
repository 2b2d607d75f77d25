// user_store - users/ as its tools change it: one process at a time, each file replaced as a whole
//
//   assign, quotas  the mailboxes, and how much they may hold (0644)
//   cdb             what mail programs read, compiled from both (0644)
//   full/NAME       of a mailbox with a quota, its own (0644): not empty while it is full (lib/mail/full_flag.h)
//   passwords       who may log in (0640, root and pn-auth)
//   next-uid        the uid that the next mailbox gets (0600): on disk before a uid is used, so none is given out twice
//   lock            held as long as a UserStore lives
#pragma once

#include <optional>

#include "lib/core/result.h"
#include "lib/mail/passwords.h"
#include "lib/os/directory.h"
#include "tools/user_assign.h"

namespace postern {

constexpr uid_t first_mailbox_uid = 1'900'000'000;
constexpr uid_t last_mailbox_uid = 2'147'483'646;  // some programs take uids for signed numbers

class UserStore {
 public:
  // users/ below the current directory. Waits for another process that changes it.
  static Result<UserStore> open_to_change();
  static Result<UserStore> open_to_read();

  Result<Assignments> assignments() const;  // a missing file is an empty one
  Result<Quotas> quotas() const;            // likewise
  // Compiles the database and makes users/full agree with the quotas: those given, or those of users/quotas.
  Status save(const Assignments& assignments) const;
  Status save(const Assignments& assignments, const Quotas& quotas) const;
  Result<Passwords> passwords() const;
  Status save(const Passwords& passwords, std::optional<gid_t> readers) const;
  // A uid that no mailbox ever had.
  Result<uid_t> take_uid(const Assignments& assignments) const;

 private:
  UserStore(Directory users, Fd lock) : users_(std::move(users)), lock_(std::move(lock)) {}
  Result<std::string> read_file(const std::string& name, std::size_t most) const;
  Directory users_;
  Fd lock_;
};

}  // namespace postern
