// netstring - "5:hello," : bytes with their length in front, so that no byte of them can end them early
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"

namespace postern {

void append_netstring(std::string& text, std::string_view bytes);
// Takes one from the front of `rest`; its length has no leading zero, at most 9 digits, and fits in `rest`.
Result<std::string_view> take_netstring(std::string_view& rest);

}  // namespace postern
