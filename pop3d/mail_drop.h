// mail_drop - one mailbox for one session (RFC 1939 §4): locked, looked at once, and changed by update() alone
//
// Messages have the order of their UIDs. The lock is flock(2)'s on the Maildir, so a dead session's is gone with it.
#pragma once

#include "lib/core/clock.h"
#include "lib/mail/full_flag.h"
#include "lib/mail/maildir_sizes_file.h"
#include "pop3d/maildir_scan.h"

namespace postern {

class Maildrop {
 public:
  // `home` holds the Maildir. An error whose number() is EWOULDBLOCK: another session has it.
  static Result<Maildrop> open(const Directory& home);

  // What says that this mailbox is full (lib/mail/full_flag.h): update() clears it when it made room.
  void tell_when_room(OwnFullFlag full) { full_ = std::move(full); }

  std::vector<Message>& messages() { return scan_.messages(); }
  const std::vector<Message>& messages() const { return scan_.messages(); }
  std::uint32_t validity() const { return validity_; }
  bool has_uids() const { return has_uids_; }  // false: the list of UIDs could not be written
  std::uint64_t passed_over() const { return scan_.passed_over(); }

  // From its name, or counted. Once it is known it stays, unless retrieving finds another.
  Result<std::uint64_t> octets_of(Message& message);
  struct OpenMessage {
    Fd file;
    std::uint64_t size;
  };
  Result<OpenMessage> open_message(Message& message);
  // What was read of it to its end has this size. False: its name said another.
  bool note_size(Message& message, const MessageSize& size) const;

  // The UPDATE state: removes what is deleted, and says in names what was seen and how large it is. An error: something
  // that should go is still there.
  Status update();

 private:
  Maildrop(Directory maildir, Directory new_folder, Directory cur)
      : maildir_(std::move(maildir)), new_(std::move(new_folder)), cur_(std::move(cur)) {}
  Status give_uids();
  Status look_again();
  Status remove(const Message& message, MailboxUse* gone) const;  // adds to what is gone, where somebody counts it
  Status remove_deleted(MailboxUse* gone);
  void rename(Message& message);
  void note_removed(MaildirSizesFile& sizes, const MailboxUse& removed);
  const Directory& folder_of(const Message& message) const { return message.is_in_cur ? cur_ : new_; }

  Directory maildir_;  // holds the lock
  Directory new_;
  Directory cur_;
  OwnFullFlag full_;
  MaildirScan scan_;
  Milliseconds looks_again_from_{0};
  std::uint32_t validity_ = 0;
  bool has_uids_ = false;
};

}  // namespace postern
