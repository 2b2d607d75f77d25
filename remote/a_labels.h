// a_labels - a domain name in ASCII (IDNA2008, RFC 5891): for DNS, and for hosts that take no SMTPUTF8
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/domain.h"

namespace postern {

// Literals and ASCII names come back as they are. A permanent error: the name has no such form.
Result<std::string> a_labels(const Domain& domain);

}  // namespace postern
