#include "lib/core/number.h"

#include <charconv>

#include "lib/core/ascii.h"

namespace postern {

Result<std::uint64_t> parse_number(Wire text, std::uint64_t most) {
  if (text.size() == 0) return permanent("number: empty");
  std::uint64_t number = 0;
  for (char const c : text.bytes()) {
    if (!is_digit(c)) return permanent("number: not a digit");
    auto const digit = static_cast<std::uint64_t>(c - '0');
    if (digit > most || number > (most - digit) / 10) return permanent("number: too large");
    number = number * 10 + digit;
  }
  return number;
}

void append_decimal(std::string& text, std::uint64_t number) {
  char digits[20];
  auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  text.append(digits, end);
}

std::string decimal(std::uint64_t number) {
  std::string text;
  append_decimal(text, number);
  return text;
}

}  // namespace postern
