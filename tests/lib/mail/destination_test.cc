#include "lib/mail/destination.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("destinations are written and read back") {
  struct {
    std::string_view text;
    std::string_view host;
    std::uint16_t port;
    std::string_view user;
  } const cases[] = {
      {"example.org", "example.org", 0, ""},
      {"m\xc3\xbcller.example", "m\xc3\xbcller.example", 0, ""},
      {"[192.0.2.1]", "[192.0.2.1]", 0, ""},
      {"[ipv6:2001:db8::1]", "[ipv6:2001:db8::1]", 0, ""},
      {"relay.example:587", "relay.example", 587, ""},
      {"[192.0.2.1]:25", "[192.0.2.1]", 25, ""},
      {"[ipv6:2001:db8::1]:65535", "[ipv6:2001:db8::1]", 65535, ""},
      {"relay.example:587 alice@example.org", "relay.example", 587, "alice@example.org"},
  };
  for (auto const& [text, host, port, user] : cases) {
    CAPTURE(std::string{text});
    auto const destination = Destination::parse(Wire{text});
    REQUIRE(destination);
    CHECK(destination->text() == text);
    CHECK(destination->host().text() == host);
    CHECK(destination->port() == port);
    CHECK(destination->is_relay() == (port != 0));
    CHECK(destination->user() == user);
  }
  CHECK(Destination::parse(Wire{"Example.ORG"})->text() == "example.org");
}

TEST_CASE("what is not a destination is refused") {
  std::string_view const bad[] = {
      "",
      ":25",
      "example.org:",
      "example.org:0",
      "example.org:025",
      "example.org:65536",
      "example.org:x",
      "a b",
      "a:25 ",
      "a:25 b c",
      "a:25  b",
      "[192.0.2.1]x",
      "[192.0.2.1",
      "a..b",
      "a/b",
      "a:25/b",
      "a:25 b\x01",
      "a:25 m\xc3\xbcller",
      "example.org:25:25",
  };
  for (std::string_view const text : bad) {
    CAPTURE(std::string{text});
    CHECK_FALSE(Destination::parse(Wire{text}));
  }
  Domain const host = *Domain::parse(Wire{"relay.example"});
  CHECK_FALSE(Destination::relay(host, 0, ""));
  CHECK_FALSE(Destination::relay(host, 25, std::string(longest_relay_user + 1, 'x')));
  CHECK(Destination::relay(host, 25, std::string(longest_relay_user, 'x')));
}
