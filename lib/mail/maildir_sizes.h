// maildir_sizes - the text of Maildir++'s `maildirsize`: a mailbox's limits, and what was added and taken away since it was
// counted
//
//   1000000S,1000C      the limits that counted when it was made: bytes, messages, with the comma when there are both
//   123456 7            then a line for each change, appended: bytes and messages
//   -2048 -1
//
// It lies in the owner's Maildir, so it is a cache of what counting the files would find; anything but such lines, within
// bounds and with no sum below 0, is not believed.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/quota.h"

namespace postern {

constexpr std::size_t largest_maildir_sizes = 5120;  // Maildir++: a longer one is counted anew

struct MaildirSizes {
  Quota limits;
  MailboxUse use;

  static Result<MaildirSizes> parse(Wire text);  // of any length; the caller bounds it
  std::string encoded() const;                   // as a new file: the limits and one line
};

// A line to append.
std::string maildir_sizes_line(std::int64_t bytes, std::int64_t messages);

}  // namespace postern
