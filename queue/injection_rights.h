// injection_rights - who may say what about a message: one table by the uid that the kernel names
//
// So a smtpd that was taken over by a stranger cannot forge a login, and none of its messages ever leaves this host
// for a domain that is not in rcpthosts; bounce cannot send as anybody; a local user says sender, recipients and DSN
// parameters.
#pragma once

#include <optional>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "lib/os/account.h"

namespace postern {

struct InjectionRights {
  std::optional<Account> account;  // none: any local user
  Origin origin;
  bool may_name_client;  // client address, HELO name, protocol
  bool may_name_login;
  bool must_name_login;
  bool may_add_header;  // header lines
  bool may_mark_junk;
  bool may_send_as_anybody;  // else only <>
};

const InjectionRights& rights_of(std::optional<Account> account);

// Is this envelope within the rights? The error's text is for the client: it begins with an enhanced status code.
// `me` is the authserv-id that Authentication-Results must carry (RFC 8601 §2.2).
Status check_rights(const InjectionRights& rights, const Envelope& envelope, std::string_view me);

}  // namespace postern
