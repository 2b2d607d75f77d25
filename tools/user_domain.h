// user_domain - the local name under which mail for a login is looked up in the users database
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/login.h"
#include "lib/os/control.h"

namespace postern {

// "alice" for alice; "example.org-info" for info@example.org, by control/virtualdomains.
Result<std::string> local_name_of(const Login& login, const Control& control);
// Puts the login's domain into control/virtualdomains when it is not there. A domain in control/locals is an error.
// Whoever calls it holds the lock of users/.
Status add_domain(const Login& login, const Control& control);

}  // namespace postern
