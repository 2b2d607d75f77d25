// user_rename - a mailbox gets another name, and keeps uid, mail, passwords and all else
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "tools/user_options.h"
#include "tools/user_store.h"

namespace postern {

struct SystemFiles {
  Wire passwd;                   // the text of /etc/passwd
  std::optional<gid_t> readers;  // of users/passwords
};

// Called once confined. `here` is Postern's directory.
Status rename_mailbox(const UserOptions& options, const std::string& here, const UserStore& store, const SystemFiles& system);

}  // namespace postern
