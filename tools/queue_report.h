// queue_report - queued messages in words, for people and for programs
#pragma once

#include <string>

#include "lib/core/json_text.h"
#include "tools/queue_message.h"

namespace postern {

std::string list_head();
// A line, then one for each recipient.
std::string as_text(const QueuedMessage& message, WallTime now);
void add_as_json(JsonText& json, const QueuedMessage& message, WallTime now);
// All that the envelope says, a line each, and an empty line.
std::string envelope_text(const QueuedMessage& message, WallTime now);
// "3 s", "12 min", "5 h", "2 d"
std::string span_text(Seconds span);

}  // namespace postern
