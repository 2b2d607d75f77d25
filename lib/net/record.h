// record - what the protocols of deliveries and bounces have in common: a length in front, netstrings behind a letter
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t record_head = 4;         // bytes: the length of what follows, big-endian
constexpr std::size_t report_text_most = 512;  // bytes of the text in which an outcome is told

std::string with_record_head(std::string_view body);
// A body's length from its head; an error when it is empty or longer than `most`.
Result<std::size_t> record_body_length(Wire head, std::size_t most);

// The text of a report as records carry it: cut at report_text_most, control characters become '?'.
std::string record_text(std::string_view text);
// A netstring from the front of `rest` without control characters.
Result<std::string> take_record_text(std::string_view& rest, std::size_t most);

}  // namespace postern
