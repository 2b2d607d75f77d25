// received_line - the trace field that a message gets when it enters the queue (RFC 5321 §4.4)
#pragma once

#include <string>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_id.h"

namespace postern {

// Whole lines, ending in LF. What a client said of itself is reduced to characters that cannot end a field or comment.
std::string received_line(const Envelope& envelope, const QueueId& id, std::string_view me, WallTime now);

}  // namespace postern
