// shadow_entry - a user of this system as /etc/shadow and /etc/passwd have him (shadow(5), passwd(5))
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// The numbers of days that a line of /etc/shadow has; nothing where it has none.
struct ShadowEntry {
  std::string hash;  // as it stands there: perhaps of no password, or locked
  std::optional<std::uint64_t> changed, most_age, inactive, expires;

  static Result<ShadowEntry> parse(Wire line);
  // Whether its password opens anything on that day, counted since 1970: there is one, it is not locked, neither it nor the
  // account has expired, and it need not be changed first.
  bool is_usable(std::uint64_t today) const;
};

// The line of this name, or nothing. The first one counts, as for the system itself.
std::optional<std::string_view> find_line(std::string_view file, std::string_view name);
// The uid in a line of /etc/passwd.
Result<uid_t> uid_of_passwd_line(Wire line);

}  // namespace postern
