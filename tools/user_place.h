// user_place - where a mailbox's home lies, and that no two mailboxes of different uids share it
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/login.h"
#include "tools/user_assign.h"

namespace postern {

bool is_inside(std::string_view path, std::string_view directory);

// home/NAME, or home/DOMAIN/NAME of a virtual one, below Postern's directory `here`.
std::string default_home(const Login& login, const std::string& here);

// An error when its home would be, hold or lie in the home of a mailbox with another uid.
Status check_home(const Assignments& others, const Mailbox& mailbox);

}  // namespace postern
