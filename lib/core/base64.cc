#include "lib/core/base64.h"

#include <cstdint>

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// 0 to 63; 64 is none.
constexpr std::uint32_t value_of(char c) {
  if (is_upper(c)) return static_cast<std::uint32_t>(c - 'A');
  if (is_lower(c)) return static_cast<std::uint32_t>(c - 'a') + 26;
  if (is_digit(c)) return static_cast<std::uint32_t>(c - '0') + 52;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= bytes.size() ? digits[group >> (18 - 6 * i) & 63u] : '=';
  }
  return text;
}

Result<std::string> from_base64(Wire wire) {
  std::string_view text = wire.bytes();
  if (text.size() % 4 != 0) return permanent("base64: its length is no multiple of 4");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (; !text.empty(); text.remove_prefix(4)) {
    std::size_t const digits_here = text.size() == 4 ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint32_t const value = i < digits_here ? value_of(text[i]) : 0;
      if (value > 63) return permanent("base64: a character that is no digit of it");
      group = group << 6 | value;
    }
    std::size_t const bytes_here = digits_here - 1;
    if (bytes_here < 3 && (group & (0xffffffu >> (8 * bytes_here))) != 0) return permanent("base64: bits behind the last byte");
    for (std::size_t i = 0; i < bytes_here; ++i) bytes += static_cast<char>(group >> (16 - 8 * i) & 255u);
  }
  return bytes;
}

}  // namespace postern
