// quota - how much a mailbox may hold: "1073741824:0", bytes and messages, 0 for no limit
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::uint64_t largest_quota_bytes = 1ull << 50;
constexpr std::uint64_t most_quota_messages = 1'000'000'000;

struct Quota {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;

  static Result<Quota> parse(Wire text);
  std::string encoded() const;
  bool is_none() const { return bytes == 0 && messages == 0; }
  friend bool operator==(const Quota&, const Quota&) = default;
};

// What a mailbox holds.
struct MailboxUse {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;

  // Whether a message of that size may come in addition.
  bool leaves_room(const Quota& quota, std::uint64_t size) const;
  // How large a message may be that comes in addition; without a limit, as large as any is.
  std::uint64_t room(const Quota& quota) const;
  friend bool operator==(const MailboxUse&, const MailboxUse&) = default;
};

}  // namespace postern
