// domain_report - which domains have how many mailboxes, and what `domain list` shows of it
#pragma once

#include <string>
#include <vector>

#include "lib/core/result.h"
#include "tools/mail_domains.h"
#include "tools/user_assign.h"

namespace postern {

enum class DomainForm : unsigned char { text, json };

// Users without a domain in their names: their mailboxes are at every local domain.
std::vector<std::string> users_of_locals(const Assignments& assignments);
// Users whose names say this domain, and those that have a local name below `prefix`.
std::vector<std::string> users_of_virtual(const Assignments& assignments, const VirtualDomain& domain);

// A domain a line or an object: those of locals first, each file in its order.
std::string list_of_domains(const MailDomains& domains, const Assignments& assignments, DomainForm form);

}  // namespace postern
