// A logged value of any bytes is printable, without = " and blanks, at most 256 bytes, and still says what it was.
#include "lib/os/log.h"

#include <stdlib.h>

#include "lib/core/ascii.h"

using namespace postern;

namespace {

std::string unquoted(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    if (text.size() - i < 4 || text[i + 1] != 'x' || !is_hex_digit(text[i + 2]) || !is_hex_digit(text[i + 3])) abort();
    bytes += static_cast<char>(hex_value(text[i + 2]) << 4 | hex_value(text[i + 3]));
    i += 3;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const value{reinterpret_cast<const char*>(data), size};
  std::string const text = log_quoted(value);
  if (text.size() > log_value_most) abort();
  for (char const c : text)
    if (!is_graphic(c) || c == '=' || c == '"') abort();
  std::string const back = unquoted(text);
  if (back == value) return 0;
  if (!text.ends_with("...") || !value.starts_with(std::string_view{back}.substr(0, back.size() - 3))) abort();
  return 0;
}
