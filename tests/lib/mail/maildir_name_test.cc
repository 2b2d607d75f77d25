#include "lib/mail/maildir_name.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("the parts of a message's name in a Maildir") {
  struct Case {
    std::string_view name, unique;
    std::optional<std::uint64_t> bytes, octets;
    std::string_view info;
  };
  const Case cases[] = {
      {"1.M2P3Q4.host", "1.M2P3Q4.host", {}, {}, ""},
      {"1.M2P3Q4.host,S=10,W=12", "1.M2P3Q4.host", 10, 12, ""},
      {"1.host,W=12,S=10:2,FS", "1.host", 10, 12, ":2,FS"},
      {"1.host,S=10:2,", "1.host", 10, {}, ":2,"},
      {"1.host,S=10,S=11", "1.host,S=10", 11, {}, ""},
      {"1.host,S=,W=-1", "1.host,S=,W=-1", {}, {}, ""},
      {"1.host,S=99999999999999999999", "1.host,S=99999999999999999999", {}, {}, ""},
      {",S=1", ",S=1", {}, {}, ""},
      {"a,b,S=1", "a,b", 1, {}, ""},
      {"1.host:1,S=3", "1.host", {}, {}, ":1,S=3"},
      {"\xff\xfe", "\xff\xfe", {}, {}, ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    auto const name = MaildirName::parse(Wire{one.name});
    REQUIRE(name);
    CHECK(name->unique == one.unique);
    CHECK(name->bytes == one.bytes);
    CHECK(name->octets == one.octets);
    CHECK(name->info == one.info);
  }
}

TEST_CASE("names that are no message's") {
  using namespace std::string_view_literals;
  for (std::string_view const name : {""sv, ".hidden"sv, "a\nb"sv, "a\0b"sv, "a\x7f"sv, "a/b"sv, ":2,S"sv}) {
    CAPTURE(name);
    CHECK_FALSE(MaildirName::parse(Wire{name}));
  }
  std::string const long_name(256, 'x');
  CHECK_FALSE(MaildirName::parse(Wire{long_name}));
}

TEST_CASE("a flag is put where it belongs, once") {
  CHECK(info_with_flag("", 'S') == ":2,S");
  CHECK(info_with_flag(":2,", 'S') == ":2,S");
  CHECK(info_with_flag(":2,FT", 'S') == ":2,FST");
  CHECK(info_with_flag(":2,RS", 'S') == ":2,RS");
  CHECK(info_with_flag(":1,odd", 'S') == ":1,odd");
}

TEST_CASE("sizes of a message, in whatever pieces it is seen") {
  struct Case {
    std::string_view text;
    std::uint64_t octets;
  };
  const Case cases[] = {{"", 0},    {"a", 3},      {"a\n", 3},      {"a\r\n", 3},     {"\n\n", 4},
                        {"a\r", 3}, {"\r\n\n", 4}, {"a\n\rb\n", 7}, {"a\r\r\nb\n", 7}};
  for (const Case& one : cases)
    for (std::size_t piece = 1; piece < 5; ++piece) {
      CAPTURE(one.text, piece);
      MessageSize size;
      for (std::string_view rest = one.text; !rest.empty(); rest.remove_prefix(piece < rest.size() ? piece : rest.size()))
        size.see(rest.substr(0, piece));
      CHECK(size.bytes() == one.text.size());
      CHECK(size.octets() == one.octets);
    }
}
