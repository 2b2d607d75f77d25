// Tests of lib/core/ascii: classes over all 256 bytes, case, UTF-8 at its edges.
#include "lib/core/ascii.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("ascii classes hold for every byte") {
  for (int number = 0; number < 256; ++number) {
    INFO("byte " << number);
    char const c = static_cast<char>(number);
    bool const upper = number >= 65 && number <= 90, lower = number >= 97 && number <= 122, digit = number >= 48 && number <= 57;
    CHECK(is_digit(c) == digit);
    CHECK(is_upper(c) == upper);
    CHECK(is_lower(c) == lower);
    CHECK(is_alpha(c) == (upper || lower));
    CHECK(is_alnum(c) == (upper || lower || digit));
    CHECK(is_blank(c) == (number == 32 || number == 9));
    CHECK(is_control(c) == (number < 32 || number == 127));
    CHECK(is_eight_bit(c) == (number >= 128));
    CHECK(is_graphic(c) == (number > 32 && number < 127));
    bool const hex_letter = (number >= 97 && number <= 102) || (number >= 65 && number <= 70);
    CHECK(is_hex_digit(c) == (digit || hex_letter));
    CHECK(to_lower(c) == (upper ? static_cast<char>(number + 32) : c));
    CHECK(to_upper(c) == (lower ? static_cast<char>(number - 32) : c));
  }
}

TEST_CASE("hexadecimal digits have their values") {
  constexpr std::string_view small = "0123456789abcdef", large = "0123456789ABCDEF";
  for (int i = 0; i < 16; ++i) {
    CHECK(hex_value(small[static_cast<std::size_t>(i)]) == i);
    CHECK(hex_value(large[static_cast<std::size_t>(i)]) == i);
  }
}

TEST_CASE("case is folded for ASCII letters and nothing else") {
  CHECK(to_lower("AbZ@[\xc3\x84") == "abz@[\xc3\x84");
  CHECK(equal_ignoring_case("HeLo", "hElO"));
  CHECK_FALSE(equal_ignoring_case("helo", "hel"));
  CHECK_FALSE(equal_ignoring_case("hel", "helo"));
  CHECK_FALSE(equal_ignoring_case("@", "`"));
  CHECK(equal_ignoring_case("", ""));
  CHECK(starts_with_ignoring_case("MAIL FROM:<>", "mail from:"));
  CHECK_FALSE(starts_with_ignoring_case("MAIL", "MAIL FROM"));
  CHECK(starts_with_ignoring_case("x", ""));
}

TEST_CASE("UTF-8 is what RFC 3629 says") {
  struct {
    std::string_view text;
    bool good;
  } const cases[] = {
      {"", true},
      {"plain", true},
      {std::string_view{"\0", 1}, true},
      {"\xc2\x80", true},
      {"\xdf\xbf", true},  // first and last of two
      {"\xe0\xa0\x80", true},
      {"\xef\xbf\xbf", true},  // of three
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},  // of four
      {"\xed\x9f\xbf", true},
      {"\xee\x80\x80", true},  // around the surrogates
      {"\xed\xa0\x80", false},
      {"\xed\xbf\xbf", false},  // surrogates
      {"\xc0\x80", false},
      {"\xc1\xbf", false},  // overlong
      {"\xe0\x9f\xbf", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xf4\x90\x80\x80", false},
      {"\xf5\x80\x80\x80", false},  // past U+10FFFF
      {"\x80", false},
      {"\xbf", false},  // a continuation alone
      {"\xc2", false},
      {"\xe1\x80", false},
      {"\xf1\x80\x80", false},  // cut off
      {"\xc2\x41", false},
      {"\xe1\x80\x41", false},
      {"\xfe", false},
      {"\xff", false},
  };
  for (auto const& [text, good] : cases) {
    INFO(text);
    CHECK(is_valid_utf8(text) == good);
    CHECK(is_valid_utf8(std::string{"a"} + std::string{text} + "z") == good);
  }
}

TEST_CASE("all ASCII means no byte from 0x80 on") {
  CHECK(is_all_ascii(""));
  CHECK(is_all_ascii("\x7f\x01"));
  CHECK_FALSE(is_all_ascii("a\x80"));
  CHECK_FALSE(is_all_ascii("\xff"));
}

TEST_CASE("trimmed takes blanks and line ends from the ends only") {
  CHECK(trimmed(" \t\r\n a b \r\n") == "a b");
  CHECK(trimmed("") == "");
  CHECK(trimmed(" \t ") == "");
  CHECK(trimmed("\va") == "\va");
}
