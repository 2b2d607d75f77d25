// quoted - any text as one word of a line in a file of our own: as in log lines, and read back
//
// Bytes outside 0x21 to 0x7e, and = " \, are \xNN with lower-case digits. An empty text is "-", and "-" is \x2d.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

void append_quoted(std::string& line, std::string_view text);
Result<std::string> unquoted(Wire word, std::size_t most);  // a permanent error: quoted otherwise, or longer than that

}  // namespace postern
