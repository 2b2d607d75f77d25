// uid_list - Maildir/postern-uids: the number that each message of a mailbox has for good (doc/protocols.md)
//
//   postern-uids 1 VALIDITY NEXT
//   UID UNIQUE            ascending; UNIQUE is the name of its file without sizes and flags (lib/mail/maildir_name.h)
//
// VALIDITY, UID and NEXT are IMAP's UIDVALIDITY, UID and UIDNEXT (RFC 3501 §2.3.1.1): a number is never given out twice, and
// when that cannot be promised any more, VALIDITY is a new one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

struct UidList {
  struct Entry {
    std::uint32_t uid;
    std::string_view unique;
  };
  std::uint32_t validity = 1;
  std::uint32_t next = 1;
  std::vector<Entry> entries;  // views of what was parsed

  static Result<UidList> parse(Wire file);
  std::string encoded() const;  // entries in the order in which they are; it has to be ascending
};

}  // namespace postern
