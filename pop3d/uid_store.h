// uid_store - the file with the list of UIDs: read and written under a lock, replaced as a whole
//
// Whoever changes it holds flock(2)'s lock on Maildir/cur meanwhile, for as long as it takes to read and write it.
#pragma once

#include <memory>

#include "lib/os/fd.h"
#include "pop3d/maildir_scan.h"
#include "pop3d/uid_list.h"

namespace postern {

class UidStore {
 public:
  static constexpr const char* file_name = "postern-uids";

  // Waits for the lock. A file that is damaged counts as none, with a line in the log; one that cannot be read is an error.
  static Result<UidStore> open(const Directory& maildir, const Directory& cur);

  // Gives messages, sorted by unique, the numbers that they have.
  void match(MaildirScan& scan) const;
  // Gives the others theirs, in their order, and writes them down. The validity of all.
  Result<std::uint32_t> give(MaildirScan& scan) const;

 private:
  UidStore(const Directory& maildir, Fd lock, std::unique_ptr<std::string> text, UidList list)
      : maildir_(maildir), lock_(std::move(lock)), text_(std::move(text)), list_(std::move(list)) {}
  Status write(const UidList& list) const;

  const Directory& maildir_;
  Fd lock_;
  std::unique_ptr<std::string> text_;  // what the list looks at
  UidList list_;
};

}  // namespace postern
