// user_password - a new password from descriptor 0, and its hash
#pragma once

#include "lib/core/result.h"
#include "lib/mail/passwords.h"

namespace postern {

// One line, without its newline. From a terminal it is asked for twice and not shown.
Result<PasswordHash> read_new_password();

}  // namespace postern
