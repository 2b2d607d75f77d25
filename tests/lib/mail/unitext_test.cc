#include "lib/mail/unitext.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("addresses are written in ASCII, and read back") {
  struct {
    std::string_view address, text;
  } const cases[] = {
      {"", ""},
      {"plain@here.example", "plain@here.example"},
      {"gr\xc3\xbc\xc3\x9f@here.example", "gr\\x{FC}\\x{DF}@here.example"},
      {"\xe2\x82\xac", "\\x{20AC}"},
      {"\xf0\x9f\x92\xa9", "\\x{1F4A9}"},
      {"\xf4\x8f\xbf\xbf", "\\x{10FFFF}"},
      {"a+b=c \\d", "a\\x{2B}b\\x{3D}c\\x{20}\\x{5C}d"},
  };
  for (auto const& [address, text] : cases) {
    CAPTURE(std::string{text});
    CHECK(unitext(address) == text);
    CHECK(from_unitext(Wire{text}) == address);
  }
  CHECK(unitext("a\xff b") == "a??b");  // not UTF-8
}

TEST_CASE("what is not of that form is not read") {
  for (std::string_view const text : {"a b", "a+b", "a=b", "\\", "\\x", "\\x{", "\\x{}", "\\x{1}", "\\x{1234567}", "\\x{110000}",
                                      "\\x{D800}", "\\x{0A}", "\\x{7F}", "\\x{zz}", "\xff", "\xc3", "\\x{C3}\xbc", "a\n"}) {
    CAPTURE(std::string{text});
    CHECK_FALSE(from_unitext(Wire{text}));
  }
  CHECK(from_unitext(Wire{std::string_view{"gr\xc3\xbc"}}) == "gr\xc3\xbc");  // utf-8-addr-unitext
}
