// mail_commands - MAIL and RCPT as one server understands them (RFC 5321 §4.1.1, RFC 1870, RFC 3461 §4, RFC 6152, RFC 6531 §3.4)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "remote/peer_features.h"

namespace postern {

// What a transaction asks for besides its addresses.
struct TransactionForm {
  bool is_utf8 = false;  // SMTPUTF8: only towards a server that has it
  bool is_eight_bit = false;
  std::uint64_t size = 0;
};

// RFC 6531 §3.2: a local part beyond ASCII, or a domain that has no A-labels, goes to servers that have SMTPUTF8 only.
bool needs_utf8(const Address& address);

// Whole lines with CRLF. Without SMTPUTF8 domains are A-labels; not for an address that needs_utf8() then.
std::string mail_command(const Envelope& envelope, const TransactionForm& form, const PeerFeatures& features);
std::string rcpt_command(const Recipient& recipient, const TransactionForm& form, const PeerFeatures& features);

// RFC 3461 §4, RFC 6533 §3: an original recipient as ORCPT has it; empty when it has no room there.
std::string encode_original(std::string_view original, bool is_utf8);
std::string encode_xtext(std::string_view text);

}  // namespace postern
