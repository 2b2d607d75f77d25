// base64_text - bytes in RFC 4648 §4, with padding
#pragma once

#include <string>
#include <string_view>

namespace postern {

std::string base64(std::string_view bytes);

}  // namespace postern
