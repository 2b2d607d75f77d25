// bounce_message - the text of a delivery report (RFC 3461, RFC 3464, RFC 6522; RFC 6533 where addresses are not ASCII)
//
// A report is multipart/report: a part for people, a part for programs, and the original message or its header. The
// original is not copied here: it is streamed between `before` and `after`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_id.h"

namespace postern {

struct ReportedRecipient {
  const Recipient* recipient;
  bool has_failed;   // else it was delivered
  std::string text;  // "5.1.1 no mailbox here by that name"
};

struct BounceContext {
  const QueueId& id;  // of the original
  const Envelope& envelope;
  std::vector<ReportedRecipient> recipients;
  std::string me;
  std::string from;        // address of the From line
  std::string to;          // the sender; or control/doublebounceto
  std::string message_id;  // left side
  std::string boundary;    // occurs nowhere in the original
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

// The enhanced status code that a report begins with, if its class fits; else class.0.0 (RFC 3463).
std::string status_code_of(std::string_view text, char status_class);

}  // namespace postern
