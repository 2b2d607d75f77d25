// base32 - RFC 4648 §7 "extended hex" digits in lower case, 0-9 a-v: numbers of fixed length sort as text
#pragma once

#include <cstdint>
#include <string>

namespace postern {

constexpr bool is_base32_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'v'); }
constexpr char base32_digit(unsigned value) { return static_cast<char>(value < 10 ? '0' + value : 'a' + value - 10); }
constexpr unsigned base32_value(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

// The low 5 * `digits` bits of `value`, most significant digit first.
std::string base32(std::uint64_t value, unsigned digits);

}  // namespace postern
