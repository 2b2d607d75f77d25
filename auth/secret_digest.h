// secret_digest - SHA-256 and HMAC of libcrypto, random bytes of the kernel, and comparing that takes the same time always
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"

namespace postern {

std::string sha256(std::string_view bytes);                             // 32 bytes
std::string hmac_sha256(std::string_view key, std::string_view bytes);  // likewise
Result<std::string> random_bytes(std::size_t count);
bool is_same_secret(std::string_view a, std::string_view b);  // lengths are no secret

}  // namespace postern
