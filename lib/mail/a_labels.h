// a_labels - a domain name in ASCII and in its own script (IDNA2008, RFC 5891)
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/domain.h"

namespace postern {

// For DNS, and for hosts that take no SMTPUTF8. Literals and ASCII names come back as they are. A permanent error: the name
// has no such form.
Result<std::string> a_labels(const Domain& domain);

// As people write it, in UTF-8; a name that stands for none comes back as it is.
std::string u_labels(const Domain& domain);

}  // namespace postern
