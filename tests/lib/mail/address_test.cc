// Tests of lib/mail/domain and lib/mail/address: what is valid, what is not, and that text() and parse() are inverse.
#include "lib/mail/address.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

std::string const label63(63, 'a');
std::string const domain255 = label63 + "." + label63 + "." + label63 + "." + label63;
std::string const local64(64, 'l');

}  // namespace

TEST_CASE("domains are host names, UTF-8 names or address literals") {
  struct {
    std::string text;
    bool good;
    std::string parsed;
  } const cases[] = {
      {"a", true, "a"},
      {"example.org", true, "example.org"},
      {"EXAMPLE.Org", true, "example.org"},
      {"1.2.3", true, "1.2.3"},
      {"a-b.c--d", true, "a-b.c--d"},
      {"_dmarc.example", true, "_dmarc.example"},
      {label63, true, label63},
      {domain255, true, domain255},
      {"b\xc3\xbc"
       "cher.example",
       true,
       "b\xc3\xbc"
       "cher.example"},
      {"[127.0.0.1]", true, "[127.0.0.1]"},
      {"[IPv6:2001:DB8::1]", true, "[ipv6:2001:db8::1]"},
      {"[x]", true, "[x]"},
      {"", false, ""},
      {".", false, ""},
      {".a", false, ""},
      {"a.", false, ""},
      {"a..b", false, ""},
      {"-a", false, ""},
      {"a-", false, ""},
      {"a.-b", false, ""},
      {"a b", false, ""},
      {"a\n", false, ""},
      {"a@b", false, ""},
      {"a/b", false, ""},
      {"a(b)", false, ""},
      {label63 + "a", false, ""},
      {domain255 + "a", false, ""},
      {label63 + "." + domain255, false, ""},
      {"\xff.example", false, ""},
      {"a\xc3.example", false, ""},
      {"[]", false, ""},
      {"[", false, ""},
      {"]", false, ""},
      {"[a", false, ""},
      {"[a]b", false, ""},
      {"[a]]", false, ""},
      {"[[a]", false, ""},
      {"[a b]", false, ""},
      {"[a\\]", false, ""},
      {"[\xc3\xbc]", false, ""},
      {std::string("a\0b", 3), false, ""},
  };
  for (auto const& [text, good, parsed] : cases) {
    INFO(text);
    auto const domain = Domain::parse(Wire{text});
    CHECK(domain.has_value() == good);
    if (!domain) continue;
    CHECK(domain->text() == parsed);
    CHECK(*Domain::parse(Wire{domain->text()}) == *domain);
    CHECK(domain->is_literal() == (text.front() == '['));
    CHECK(domain->is_ascii() == (text.find('\xc3') == std::string::npos));
  }
}

TEST_CASE("addresses of envelopes") {
  struct {
    std::string text;
    bool good;
    std::string local_part;  // unquoted
    std::string domain;
    std::string canonical;
  } const cases[] = {
      {"jdoe@machine.example", true, "jdoe", "machine.example", "jdoe@machine.example"},  // RFC 5322 A.1.1
      {"john.q.public@example.com", true, "john.q.public", "example.com", "john.q.public@example.com"},
      {"j-brown@other.example", true, "j-brown", "other.example", "j-brown@other.example"},
      {"MiXed@Example.ORG", true, "MiXed", "example.org", "MiXed@example.org"},
      {"!#$%&'*+-/=?^_`{|}~@x", true, "!#$%&'*+-/=?^_`{|}~", "x", "!#$%&'*+-/=?^_`{|}~@x"},
      {"\"a b\"@x", true, "a b", "x", "\"a b\"@x"},
      {"\"a@b\"@x", true, "a@b", "x", "\"a@b\"@x"},
      {"\"plain\"@x", true, "plain", "x", "plain@x"},
      {"\"a\\\"b\\\\c\"@x", true, "a\"b\\c", "x", "\"a\\\"b\\\\c\"@x"},
      {"\"\\a\"@x", true, "a", "x", "a@x"},
      {"\"\"@x", true, "", "x", "\"\"@x"},
      {"\".a\"@x", true, ".a", "x", "\".a\"@x"},
      {"\"a..b\"@x", true, "a..b", "x", "\"a..b\"@x"},
      {"a@[1.2.3.4]", true, "a", "[1.2.3.4]", "a@[1.2.3.4]"},
      {"b\xc3\xbc@x", true, "b\xc3\xbc", "x", "b\xc3\xbc@x"},
      {local64 + "@" + domain255, true, local64, domain255, local64 + "@" + domain255},
      {"a", false, "", "", ""},
      {"@", false, "", "", ""},
      {"@x", false, "", "", ""},
      {"a@", false, "", "", ""},
      {"a@b@c", false, "", "", ""},
      {".a@x", false, "", "", ""},
      {"a.@x", false, "", "", ""},
      {"a..b@x", false, "", "", ""},
      {"a b@x", false, "", "", ""},
      {" a@x", false, "", "", ""},
      {"a@x ", false, "", "", ""},
      {"<a@x>", false, "", "", ""},
      {"a,b@x", false, "", "", ""},
      {"a(c)@x", false, "", "", ""},
      {"\"a@x", false, "", "", ""},
      {"\"@x", false, "", "", ""},
      {"\"a\"b@x", false, "", "", ""},
      {"\"a\\\"@x", false, "", "", ""},
      {"a\"b\"@x", false, "", "", ""},
      {"\"a\nb\"@x", false, "", "", ""},
      {"\"a\\\nb\"@x", false, "", "", ""},
      {"a\n@x", false, "", "", ""},
      {"a\r@x", false, "", "", ""},
      {std::string("a\0b@x", 5), false, "", "", ""},
      {std::string("\"a\0b\"@x", 7), false, "", "", ""},
      {"a\xff@x", false, "", "", ""},
      {local64 + "l@x", false, "", "", ""},
      {"a@" + domain255 + "a", false, "", "", ""},
      {"@route.example:a@x", false, "", "", ""},
  };
  for (auto const& [text, good, local_part, domain, canonical] : cases) {
    INFO(text);
    auto const address = Address::parse(Wire{text});
    REQUIRE(address.has_value() == good);
    if (!address) {
      CHECK(address.error().is_permanent());
      continue;
    }
    CHECK(address->local_part() == local_part);
    CHECK(address->domain().text() == domain);
    CHECK(address->text() == canonical);
    CHECK(*Address::parse(Wire{canonical}) == *address);
    CHECK_FALSE(address->is_null_sender());
    CHECK(address->is_ascii() == (text.find('\xc3') == std::string::npos));
  }
}

TEST_CASE("nothing is the null sender, and only that") {
  CHECK(Address::parse(Wire{""})->is_null_sender());
  CHECK(*Address::parse(Wire{""}) == Address::null_sender());
  CHECK(Address::null_sender().text().empty());
  CHECK(Address::null_sender().is_ascii());
  CHECK_FALSE(Address::parse(Wire{"\"\"@x"})->is_null_sender());
}

TEST_CASE("any content of a local part is quoted so that it comes back, or refused") {
  auto const domain = *Domain::parse(Wire{"x.example"});
  for (int first = 0; first < 256; ++first)
    for (int second : {-1, int{'.'}, int{'"'}, int{'\\'}, int{'a'}, int{' '}, int{'@'}}) {
      std::string local{static_cast<char>(first)};
      if (second >= 0) local += static_cast<char>(second);
      auto const address = Address::make(local, domain);
      CHECK(address.has_value() == !(first < 32 || first >= 127));
      if (!address) continue;
      std::string const text = address->text();
      CHECK(*Address::parse(Wire{text}) == *address);
    }
}

TEST_CASE("the at sign is the one behind the local part") {
  CHECK(find_at_sign("a@b") == 1);
  CHECK(find_at_sign("\"a@b\"@c") == 5);
  CHECK(find_at_sign("\"a\\\"@b\"@c") == 7);
  CHECK(find_at_sign("\"a@b") == std::string_view::npos);
  CHECK(find_at_sign("\"a\\") == std::string_view::npos);
  CHECK(find_at_sign("") == std::string_view::npos);
  CHECK(find_at_sign("ab") == std::string_view::npos);
}
