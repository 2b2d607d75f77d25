#include "lib/core/base32.h"

namespace postern {

std::string base32(std::uint64_t value, unsigned digits) {
  std::string text(digits, '0');
  for (unsigned i = digits; i > 0; --i, value >>= 5) text[i - 1] = base32_digit(static_cast<unsigned>(value & 31));
  return text;
}

}  // namespace postern
