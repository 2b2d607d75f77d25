// user_system - /etc/passwd and /etc/group, read as files: no NSS
#pragma once

#include <optional>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/users.h"

namespace postern {

// The user of that name in the text of passwd(5), as a mailbox; an error says that there is none, or that it is root's.
Result<Mailbox> find_system_user(Wire passwd, std::string_view name);
// The number of the group of that name in the text of group(5).
std::optional<gid_t> find_system_group(Wire group, std::string_view name);

// A file of /etc.
Result<std::string> read_system_file(const std::string& name);

}  // namespace postern
