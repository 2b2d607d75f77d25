// base64 - RFC 4648 §4, with padding, no line ends
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

std::string base64(std::string_view bytes);
// What it stands for. One spelling only: padded, unused bits zero (RFC 4648 §3.5), no other character; else a permanent error.
Result<std::string> from_base64(Wire text);

}  // namespace postern
