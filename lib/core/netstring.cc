#include "lib/core/netstring.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {

void append_netstring(std::string& text, std::string_view bytes) {
  append_decimal(text, bytes.size());
  text += ':';
  text += bytes;
  text += ',';
}

Result<std::string_view> take_netstring(std::string_view& rest) {
  std::size_t digits = 0;
  std::size_t length = 0;
  while (digits < rest.size() && digits < 9 && is_digit(rest[digits])) length = length * 10 + static_cast<std::size_t>(rest[digits++] - '0');
  if (digits == 0 || (digits > 1 && rest.front() == '0')) return permanent("netstring: no length");
  if (digits >= rest.size() || rest[digits] != ':') return permanent("netstring: no colon");
  std::string_view const after = rest.substr(digits + 1);
  if (after.size() < length + 1 || after[length] != ',') return permanent("netstring: does not end where it says");
  rest = after.substr(length + 1);
  return after.substr(0, length);
}

}  // namespace postern
