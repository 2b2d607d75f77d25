// envelope - who a message is from and for, and what was promised about it
//
// In a queue file, and in a request to queue-inject, it is a sequence of records: one letter and a netstring
// ("s15:me@here.example,r16:you@there.exampl,"). Parsing takes what encoded() makes and nothing else: unknown letters,
// a second sender, parameters that do not stand behind their recipient are errors. The letters: doc/queue.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/address.h"

namespace postern {

constexpr std::size_t longest_envelope = 4u << 20;       // bytes
constexpr std::size_t longest_header_lines = 16u << 10;  // bytes, added in front on delivery

// How a message came in: it decides where it may go.
enum class Origin : char { inbound = 'i', submission = 's', local = 'l', bounce = 'b' };

// RFC 3461 §4.1 NOTIFY; none given is 0.
enum Notify : unsigned { notify_never = 1, notify_success = 2, notify_failure = 4, notify_delay = 8 };
enum class Return : char { unset = 0, full = 'f', headers = 'h' };  // RFC 3461 §4.3 RET

struct Recipient {
  Address address;
  unsigned notify = 0;
  std::string original;      // ORCPT, decoded from xtext: "rfc822;bob@example.org"; no control characters
  std::uint32_t offset = 0;  // where its record starts in the encoded envelope; set by parse
};

struct Envelope {
  Origin origin = Origin::local;
  Address sender = Address::null_sender();
  std::vector<Recipient> recipients;
  std::string envid;  // RFC 3461 §4.4, decoded; no control characters
  Return ret = Return::unset;
  bool is_eight_bit = false;   // BODY=8BITMIME
  bool is_utf8 = false;        // SMTPUTF8
  bool is_junk = false;        // a scanner said so
  std::string login;           // authenticated user, or empty
  std::string client;          // client's IP address as text, or empty
  std::string helo;            // what the client called itself
  std::string protocol;        // "ESMTP", "SMTP", "UTF8SMTP" ...: for the Received line
  std::string tls;             // "TLSv1.3 TLS_AES_256_GCM_SHA384", likewise; or empty
  std::uint32_t injector = 0;  // uid that injected it; set by queue-inject alone
  std::string header_lines;    // whole lines ending in LF, put in front of the message on delivery

  static Result<Envelope> parse(Wire text);
  std::string encoded() const;
};

// The one recipient whose record starts at the front of `text`, which may go on behind it or be cut there.
Result<Recipient> parse_recipient(Wire text);

// RFC 5322 §2.2: fields with names, folds that begin with white space, no CR, NUL or empty line, ending in LF.
bool are_header_lines(std::string_view text);

}  // namespace postern
