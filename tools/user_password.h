// user_password - a new password from descriptor 0, and what is kept of it
#pragma once

#include <optional>

#include "lib/core/result.h"
#include "lib/mail/passwords.h"

namespace postern {

struct NewPassword {
  PasswordHash hash;
  std::optional<ScramKeys> scram;  // of a password that every client sends alike
};

// One line, without its newline. From a terminal it is asked for twice and not shown.
Result<NewPassword> read_new_password();

}  // namespace postern
