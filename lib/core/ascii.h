// ascii - character classes and case, fixed for ASCII: no locale can change them
#pragma once

#include <string>
#include <string_view>

namespace postern {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) { return is_upper(c) || is_lower(c); }
constexpr bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
constexpr bool is_eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
constexpr bool is_graphic(char c) { return c > 0x20 && c < 0x7f; }  // printable, not space
constexpr bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr int hex_value(char c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }  // of a hex digit
constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; }
constexpr char to_upper(char c) { return is_lower(c) ? static_cast<char>(c - 32) : c; }

std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
bool is_all_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);  // RFC 3629: no overlong form, no surrogate, nothing past U+10FFFF
std::string_view trimmed(std::string_view text);  // without blanks, CR and LF at both ends

}  // namespace postern
