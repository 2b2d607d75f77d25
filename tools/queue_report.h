// queue_report - queued messages in words, for people and for programs
#pragma once

#include <string>

#include "lib/core/json_text.h"
#include "tools/queue_rows.h"

namespace postern {

std::string list_head();
// A line, then one for each recipient.
std::string as_text(const MessageRow& message, WallTime now);
// An object; with `is_open` it stays open for more keys.
enum class Object : unsigned char { whole, open };
void add_as_json(JsonText& json, const MessageRow& message, WallTime now, Object object = Object::whole);

struct EnvelopeField {
  std::string name, value;
};
// All that the envelope says, a line each.
std::string envelope_text(const MessageRow& message, const std::vector<EnvelopeField>& fields, WallTime now);
// "3 s", "12 min", "5 h", "2 d"
std::string span_text(Seconds span);
std::string angled(std::string_view address);

}  // namespace postern
