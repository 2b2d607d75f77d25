// smtp_command - the arguments of MAIL, RCPT and BDAT (RFC 5321 §4.1.2, RFC 1870, RFC 3030, RFC 3461 §4, RFC 4954 §5,
// RFC 6531 §3.4)
//
// What each parser gives back is valid; what it refuses it refuses with a permanent Error whose what() is the reply,
// code and enhanced code included ("501 5.1.3 ...").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/address.h"
#include "lib/mail/envelope.h"

namespace postern {

// "FROM:<a@b> SIZE=1 ...", without the verb.
struct MailCommand {
  Address sender = Address::null_sender();
  std::uint64_t size = 0;  // as the client says; 0 is unknown
  bool is_eight_bit = false;
  bool is_utf8 = false;
  Return ret = Return::unset;
  std::string envid;      // decoded
  bool has_auth = false;  // AUTH=..., RFC 4954 §5: read and dropped; the one who logged in is who it is

  static Result<MailCommand> parse(Wire argument);
};

// "TO:<a@b> NOTIFY=... ..."
struct RcptCommand {
  std::optional<Address> address;  // none: <postmaster>, this host's own (RFC 5321 §4.1.1.3)
  unsigned notify = 0;
  std::string original;  // "rfc822;text", decoded

  // Addresses and ORCPT beyond ASCII are for transactions that asked for SMTPUTF8.
  static Result<RcptCommand> parse(Wire argument, bool is_utf8);
};

// "1000" or "0 LAST"
struct BdatCommand {
  std::uint64_t size;
  bool is_last;

  static Result<BdatCommand> parse(Wire argument);
};

// RFC 3461 §4: xtext to the bytes it stands for; no control characters among them.
Result<std::string> decode_xtext(Wire text);

}  // namespace postern
