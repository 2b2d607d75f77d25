// bounce_message - the text of a delivery report (RFC 3461, RFC 3464, RFC 6522; RFC 6533 where addresses are not ASCII)
//
// A report is multipart/report: a part for people, a part for programs, and the original message or its header. The
// original is not copied here: it is streamed between `before` and `after`. Whatever a deliverer or another host said
// stands in one line, and can end neither that nor the part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_id.h"
#include "lib/net/bounce_protocol.h"

namespace postern {

struct ReportedRecipient {
  const Recipient* recipient;
  Action action;
  std::int64_t tried = 0;  // as in BouncedRecipient
  std::int64_t until = 0;
  std::string text;  // "5.1.1 no mailbox here by that name"
};

struct BounceContext {
  const QueueId& id;  // of the original
  const Envelope& envelope;
  std::vector<ReportedRecipient> recipients;  // at least one
  std::string me;
  std::string from;                 // address of the From line
  std::string to;                   // the sender; of a double bounce, control/doublebounceto
  bool is_double;                   // a report about a report
  std::string message_id;           // left side
  std::string original_message_id;  // "<...>", or empty
  std::string boundary;             // occurs nowhere in the original
  bool has_whole_original;
  bool has_eight_bit_original;
  WallTime now;
};

struct BounceMessage {
  std::string before;
  std::string after;
  bool is_eight_bit;
  bool is_utf8;  // needs SMTPUTF8
};

BounceMessage compose_bounce(const BounceContext& context);

}  // namespace postern
