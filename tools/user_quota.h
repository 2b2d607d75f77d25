// user_quota - how much a mailbox may hold: set, and shown with what it holds
#pragma once

#include "lib/core/result.h"
#include "tools/user_options.h"
#include "tools/user_store.h"

namespace postern {

// Called once confined, with a right to the home.
Status set_quota(const UserOptions& options, const UserStore& store, const Assignments& assignments, const std::string& home);
Status show_quota(const UserOptions& options, const UserStore& store, const std::string& home);

}  // namespace postern
