// user_access - what `user` does with users/passwords: passwords, app passwords, shutting a login
#pragma once

#include "lib/core/result.h"
#include "tools/user_options.h"
#include "tools/user_store.h"

namespace postern {

// The group that may read the passwords: authd's, where there is one.
Result<std::optional<gid_t>> readers_of_passwords();

// Called once confined, and after prepare_digests().
Status set_password(const UserOptions& options, std::optional<gid_t> readers);
Status set_disabled(const UserOptions& options, std::optional<gid_t> readers);  // disable and enable
Status change_app_passwords(const UserOptions& options, std::optional<gid_t> readers);
Status list_app_passwords(const UserOptions& options);

}  // namespace postern
