// maildir_sizes_file - `maildirsize` in a Maildir: read at once, appended to by whoever adds or removes messages, made anew
//
// It is the mailbox's owner's, who may put anything in its place: it is opened without waiting and without following a link,
// and what is no file, too long or not well-formed is as good as missing. Making it anew replaces whatever is there. Nothing is
// lost with it: trouble is a line in the log.
#pragma once

#include <optional>

#include "lib/core/clock.h"
#include "lib/mail/maildir_sizes.h"
#include "lib/os/directory.h"

namespace postern {

constexpr Seconds maildir_sizes_time = 15min;  // Maildir++: a full mailbox is counted anew when the file is older

class MaildirSizesFile {
 public:
  static std::optional<MaildirSizesFile> open(const Directory& maildir);
  // Puts one there that says `sizes`: only if there is none, or in place of what there is.
  enum class Existing : unsigned char { kept, replaced };
  static Status make(const Directory& maildir, const MaildirSizes& sizes, Existing existing);

  const MaildirSizes& sizes() const { return sizes_; }
  bool is_old(WallTime now) const;
  Status append(std::int64_t bytes, std::int64_t messages) const;
  // Likewise, and sizes() are then those of everything up to this line, of whoever it is.
  Status append_and_read(std::int64_t bytes, std::int64_t messages);
  // Whether it still is the one in the Maildir.
  bool is_current(const Directory& maildir) const;

 private:
  MaildirSizesFile(Fd file, ino_t inode, WallTime changed) : file_(std::move(file)), inode_(inode), changed_(changed) {}
  static Result<MaildirSizesFile> open_file(const Directory& maildir);
  Status read(std::size_t most);
  Fd file_;
  ino_t inode_;
  WallTime changed_;
  MaildirSizes sizes_;
};

}  // namespace postern
