// delivery_status - the part of a report that programs read: message/delivery-status (RFC 3464 §2), and its UTF-8 form
// (RFC 6533 §4.1)
#pragma once

#include <string>
#include <string_view>

#include "send/bounce_message.h"

namespace postern {

// Whether the report may hold UTF-8 where RFC 3464 has ASCII only.
enum class Alphabet : unsigned char { ascii, utf8 };

std::string delivery_status(const BounceContext& context, Alphabet alphabet);

// What may stand in a line of the report. Control characters become '?', and so do bytes from 0x80 on, but for UTF-8
// where that is allowed.
std::string shown(std::string_view text, Alphabet alphabet);

// The enhanced status code that a report begins with, if its class fits; else class.0.0 (RFC 3463).
std::string status_code_of(std::string_view text, char status_class);

}  // namespace postern
