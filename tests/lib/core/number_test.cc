// Tests of lib/core/number, base32, crc32c and netstring.
#include "lib/core/number.h"

#include <catch2/catch.hpp>

#include "lib/core/base32.h"
#include "lib/core/crc32c.h"
#include "lib/core/netstring.h"

using namespace postern;

TEST_CASE("numbers are decimal digits within a bound") {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  struct {
    std::string_view text;
    std::uint64_t most;
    bool good;
    std::uint64_t number;
  } const cases[] = {
      {"0", 0, true, 0},
      {"1", 0, false, 0},
      {"9", 9, true, 9},
      {"10", 9, false, 0},
      {"", 9, false, 0},
      {"-1", 9, false, 0},
      {"+1", 9, false, 0},
      {" 1", 9, false, 0},
      {"1 ", 9, false, 0},
      {"1\n", 9, false, 0},
      {"0x1", 99, false, 0},
      {"007", 9, true, 7},
      {"1e1", 99, false, 0},
      {"255", 255, true, 255},
      {"256", 255, false, 0},
      {"18446744073709551615", all, true, all},
      {"18446744073709551616", all, false, 0},
      {"99999999999999999999", all, false, 0},
      {"184467440737095516150", all, false, 0},
  };
  for (auto const& [text, most, good, number] : cases) {
    INFO(text);
    auto const parsed = parse_number(Wire{text}, most);
    CHECK(parsed.has_value() == good);
    if (parsed) CHECK(*parsed == number);
    if (!parsed) CHECK(parsed.error().is_permanent());
  }
}

TEST_CASE("a number written and read is the same") {
  for (std::uint64_t const number :
       {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, std::uint64_t{4294967296}, ~std::uint64_t{0}}) {
    std::string const text = decimal(number);
    CHECK(*parse_number(Wire{text}, ~std::uint64_t{0}) == number);
  }
  std::string text = "x";
  append_decimal(text, 42);
  CHECK(text == "x42");
}

TEST_CASE("base 32 sorts as text and keeps to its digits") {
  CHECK(base32(0, 4) == "0000");
  CHECK(base32(31, 1) == "v");
  CHECK(base32(32, 2) == "10");
  CHECK(base32(0xffffffffffffffffu, 13) == "fvvvvvvvvvvvv");
  CHECK(base32(1023, 2) == "vv");
  CHECK(base32(1024, 2) == "00");
  for (unsigned value = 0; value < 32; ++value) {
    CHECK(is_base32_digit(base32_digit(value)));
    CHECK(base32_value(base32_digit(value)) == value);
    if (value > 0) CHECK(base32_digit(value - 1) < base32_digit(value));
  }
  unsigned digits = 0;
  for (int number = 0; number < 256; ++number) digits += is_base32_digit(static_cast<char>(number));
  CHECK(digits == 32);
}

TEST_CASE("CRC-32C gives the values of RFC 3720 appendix B.4") {
  std::string ascending, descending;
  for (char c = 0; c < 32; ++c) ascending += c;
  for (char c = 31; c >= 0; --c) descending += c;
  std::string const zeros(32, '\0'), ones(32, '\xff');
  struct {
    std::string_view text;
    std::uint32_t crc;
  } const cases[] = {{"", 0},
                     {zeros, 0x8a9136aau},
                     {ones, 0x62a8ab43u},
                     {ascending, 0x46dd794eu},
                     {descending, 0x113fdb5cu},
                     {"123456789", 0xe3069283u}};
  for (auto const& [text, crc] : cases) {
    CHECK(crc32c(0, text) == crc);
    CHECK(crc32c_portable(0, text) == crc);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      CHECK(crc32c(crc32c(0, text.substr(0, cut)), text.substr(cut)) == crc);
      CHECK(crc32c_portable(crc32c_portable(0, text.substr(0, cut)), text.substr(cut)) == crc);
    }
  }
}

TEST_CASE("netstrings are taken exactly, or not at all") {
  struct {
    std::string_view text;
    bool good;
    std::string_view content;
    std::string_view rest;
  } const cases[] = {
      {"0:,", true, "", ""},
      {"5:hello,", true, "hello", ""},
      {"1:,,x", true, ",", "x"},
      {"3:a\nb,3:", true, "a\nb", "3:"},
      {"", false, "", ""},
      {":,", false, "", ""},
      {"1", false, "", ""},
      {"1:", false, "", ""},
      {"1:a", false, "", ""},
      {"1:ab", false, "", ""},
      {"2:a,", false, "", ""},
      {"01:a,", false, "", ""},
      {"00:,", false, "", ""},
      {" 1:a,", false, "", ""},
      {"-1:a,", false, "", ""},
      {"1;a,", false, "", ""},
      {"999999999:a,", false, "", ""},
      {"1000000000:a,", false, "", ""},
      {"99999999999999999999:a,", false, "", ""},
  };
  for (auto const& [text, good, content, rest] : cases) {
    INFO(text);
    std::string_view left = text;
    auto const taken = take_netstring(left);
    CHECK(taken.has_value() == good);
    if (taken) {
      CHECK(*taken == content);
      CHECK(left == rest);
    }
  }
  std::string text = "r";
  append_netstring(text, "you@there.example");
  append_netstring(text, "");
  CHECK(text == "r17:you@there.example,0:,");
}
