#include "lib/core/ascii.h"

namespace postern {

std::string to_lower(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) c = to_lower(c);
  return lower;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && starts_with_ignoring_case(a, b);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i)
    if (to_lower(text[i]) != to_lower(prefix[i])) return false;
  return true;
}

bool is_all_ascii(std::string_view text) {
  for (char const c : text)
    if (is_eight_bit(c)) return false;
  return true;
}

bool is_valid_utf8(std::string_view text) {
  std::size_t i = 0;
  auto const continuation = [&](std::size_t at, unsigned char low, unsigned char high) {
    if (at >= text.size()) return false;
    auto const c = static_cast<unsigned char>(text[at]);
    return c >= low && c <= high;
  };
  while (i < text.size()) {
    auto const c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      i += 1;
    } else if (c >= 0xc2 && c <= 0xdf) {
      if (!continuation(i + 1, 0x80, 0xbf)) return false;
      i += 2;
    } else if (c >= 0xe0 && c <= 0xef) {
      unsigned char const low = c == 0xe0 ? 0xa0 : 0x80;
      unsigned char const high = c == 0xed ? 0x9f : 0xbf;
      if (!continuation(i + 1, low, high) || !continuation(i + 2, 0x80, 0xbf)) return false;
      i += 3;
    } else if (c >= 0xf0 && c <= 0xf4) {
      unsigned char const low = c == 0xf0 ? 0x90 : 0x80;
      unsigned char const high = c == 0xf4 ? 0x8f : 0xbf;
      if (!continuation(i + 1, low, high) || !continuation(i + 2, 0x80, 0xbf) || !continuation(i + 3, 0x80, 0xbf)) return false;
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  auto const is_edge = [](char c) { return is_blank(c) || c == '\r' || c == '\n'; };
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_edge(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace postern
