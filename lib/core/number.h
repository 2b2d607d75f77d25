// number - decimal numbers in and out; no sign, no blanks, no locale, no overflow
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// One or more digits, at most `most`; anything else is a permanent error.
Result<std::uint64_t> parse_number(Wire text, std::uint64_t most);
std::string decimal(std::uint64_t number);
void append_decimal(std::string& text, std::uint64_t number);

}  // namespace postern
