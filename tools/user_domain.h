// user_domain - under which local name mail for a login is looked up in the users database
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/login.h"
#include "lib/os/control.h"

namespace postern {

struct LoginRoute {
  std::string local_name;     // "alice"; "example.org-info" for info@example.org, or as control/virtualdomains has it
  bool needs_domain = false;  // control/virtualdomains does not know the domain yet
};

// An error when mail for it does not go to users of this host, or goes to those without a domain.
Result<LoginRoute> route_of(const Login& login, const Control& control);
// Puts the login's domain into control/virtualdomains. Whoever calls it holds the lock of users/.
Status add_domain(const Login& login, const Control& control);

}  // namespace postern
