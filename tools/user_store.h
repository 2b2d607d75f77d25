// user_store - users/ as its tools change it: one process at a time, each file replaced as a whole
//
//   assign, cdb     the mailboxes, and compiled from them what mail programs read (0644)
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
  Status save(const Assignments& assignments) const;
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
