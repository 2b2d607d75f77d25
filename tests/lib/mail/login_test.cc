// A login is safe in a path, between colons and in an address, or it is none.
#include "lib/mail/login.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("names of mailboxes") {
  struct Case {
    std::string_view text;
    bool is_good;
  };
  std::string const longest(64, 'a'), too_long(65, 'a');
  Case const cases[] = {
      {"alice", true},
      {"a", true},
      {"_x", true},
      {"9", true},
      {"a.b-c_d", true},
      {longest, true},
      {"info@example.org", true},
      {"info@xn--bcher-kva.example", true},
      {"a@b", true},
      {"", false},
      {too_long, false},
      {".alice", false},
      {"alice.", false},
      {"a..b", false},
      {"-rf", false},
      {"..", false},
      {".", false},
      {"Alice", false},
      {"a b", false},
      {"a:b", false},
      {"a/b", false},
      {"a+b", false},
      {"a\nb", false},
      {"b\xc3\xbc"
       "cher",
       false},
      {std::string_view{"a\0b", 3}, false},
      {"@example.org", false},
      {"info@", false},
      {"info@.example.org", false},
      {"info@..", false},
      {"info@example..org", false},
      {"info@Example.org", false},
      {"info@[192.0.2.1]", false},
      {"info@b\xc3\xbc"
       "cher.example",
       false},
      {"info@a/b", false},
      {"a@b@c", false},
  };
  for (auto const& [text, is_good] : cases) {
    INFO(text);
    auto const login = Login::parse(Wire{text});
    CHECK(login.has_value() == is_good);
    if (login) CHECK(login->text() == text);
  }
}

TEST_CASE("the parts of a login") {
  auto const plain = Login::parse(Wire{"alice"});
  REQUIRE(plain);
  CHECK_FALSE(plain->is_virtual());
  CHECK(plain->local_part() == "alice");
  auto const with_domain = Login::parse(Wire{"info@example.org"});
  REQUIRE(with_domain);
  CHECK(with_domain->is_virtual());
  CHECK(with_domain->local_part() == "info");
  CHECK(with_domain->domain() == "example.org");
}
