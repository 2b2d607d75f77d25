#include "lib/core/quoted.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

bool is_plain(char c) { return is_graphic(c) && c != '=' && c != '"' && c != '\\'; }

}  // namespace

void append_quoted(std::string& line, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  if (text.empty()) line += '-';
  for (char const c : text) {
    if (is_plain(c) && text != "-") {
      line += c;
      continue;
    }
    auto const byte = static_cast<unsigned char>(c);
    line += "\\x";
    line += hex[byte >> 4];
    line += hex[byte & 15];
  }
}

Result<std::string> unquoted(Wire word, std::size_t most) {
  std::string_view text = word.bytes();
  if (text == "-") return std::string{};
  std::string plain;
  while (!text.empty()) {
    std::size_t width = 1;
    if (text.front() != '\\') {
      if (!is_plain(text.front())) return permanent("state: a byte that should be quoted");
      plain += text.front();
    } else {
      if (text.size() < 4 || text[1] != 'x' || !is_hex_digit(text[2]) || !is_hex_digit(text[3]))
        return permanent("state: a bad quotation");
      plain += static_cast<char>(hex_value(text[2]) * 16 + hex_value(text[3]));
      width = 4;
    }
    text.remove_prefix(width);
  }
  if (plain.empty() || plain.size() > most) return permanent("state: a text of wrong length");
  return plain;
}

}  // namespace postern
