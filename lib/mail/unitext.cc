#include "lib/mail/unitext.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

// RFC 6533 §3: QCHAR
bool is_plain(char c) { return is_graphic(c) && c != '\\' && c != '+' && c != '='; }

std::uint32_t byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// The code point at `at` of valid UTF-8, and how many bytes it has.
std::uint32_t code_point(std::string_view text, std::size_t at, std::size_t& length) {
  std::uint32_t const lead = byte_at(text, at);
  length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte_at(text, at + i) & 0x3f);
  return point;
}

void append_utf8(std::string& text, std::uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  int const more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  text += static_cast<char>((0xff00u >> (more + 1) & 0xff) | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
}

void append_embedded(std::string& text, std::uint32_t point) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  text += "\\x{";
  int shift = 4;  // at least two digits
  while (point >> (shift + 4) != 0) shift += 4;
  for (; shift >= 0; shift -= 4) text += hex[point >> shift & 15];
  text += '}';
}

}  // namespace

std::string unitext(std::string_view address) {
  bool const is_utf8 = is_valid_utf8(address);
  std::string text;
  for (std::size_t i = 0; i < address.size();) {
    std::size_t length = 1;
    if (is_plain(address[i]))
      text += address[i];
    else if (!is_utf8)
      text += '?';
    else
      append_embedded(text, code_point(address, i, length));
    i += length;
  }
  return text;
}

std::optional<std::string> from_unitext(Wire wire) {
  std::string_view rest = wire.bytes();
  std::string text;
  while (!rest.empty()) {
    if (!rest.starts_with("\\x{")) {
      if (!is_plain(rest.front()) && !is_eight_bit(rest.front())) return std::nullopt;
      text += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    std::size_t const end = rest.find('}');
    if (end == std::string_view::npos || end < 5 || end > 9) return std::nullopt;
    std::uint32_t point = 0;
    for (char const c : rest.substr(3, end - 3)) {
      if (!is_hex_digit(c)) return std::nullopt;
      point = point << 4 | static_cast<std::uint32_t>(hex_value(c));
    }
    if (point > 0x10ffff) return std::nullopt;
    append_utf8(text, point);
    rest.remove_prefix(end + 1);
  }
  for (char const c : text)
    if (is_control(c)) return std::nullopt;
  return is_valid_utf8(text) ? std::optional{std::move(text)} : std::nullopt;
}

}  // namespace postern
