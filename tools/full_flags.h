// full_flags - users/full made to agree with the quotas: an empty file, the mailbox's own, for each mailbox that has one
//
// Programs of the mailbox write into what is there and make nothing (lib/mail/full_flag.h). The directory is made by
// tools/layout; where no mailbox has a quota it may be missing.
#pragma once

#include "lib/core/result.h"
#include "lib/os/directory.h"
#include "tools/user_assign.h"

namespace postern {

// What is missing, or somebody else's.
Status make_full_flags(const Directory& users, const Assignments& assignments, const Quotas& quotas);
// What no quota stands for any more.
Status remove_full_flags(const Directory& users, const Assignments& assignments, const Quotas& quotas);

}  // namespace postern
