// user_list - what `user list` shows
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/passwords.h"
#include "tools/user_assign.h"

namespace postern {

enum class ListForm : unsigned char { text, json };

// A mailbox a line or an object, in the order of users/assign. Where a file could not be read, it says "unknown".
std::string list_of_mailboxes(const Assignments& assignments, const Result<Quotas>& quotas, const Result<Passwords>& passwords,
                              ListForm form);

}  // namespace postern
