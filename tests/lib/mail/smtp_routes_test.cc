// Tests of lib/mail/smtp_routes: whose mail goes to which relay, and who gets to see a password.
#include "lib/mail/smtp_routes.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

struct Place {
  Scratch scratch;
  explicit Place(std::string_view routes, mode_t mode = 0640) {
    scratch.make_directory("control");
    scratch.enter();
    scratch.write("control/smtproutes", routes);
    REQUIRE(chmod("control/smtproutes", mode) == 0);
  }
  static Result<SmtpRoutes> read() { return SmtpRoutes::read(*Control::open()); }
  static Result<std::string> password(std::string_view destination) {
    return SmtpRoutes::password(*Control::open(), *Destination::parse(Wire{destination}));
  }
};

}  // namespace

TEST_CASE("mail goes where smtproutes says") {
  Place const place{
      "# a comment\n"
      "example.org:relay.example:587\n"
      ".example.org:[192.0.2.1]\n"
      ".deep.example.org:[IPv6:2001:db8::1]:2525\n"
      "Example.NET:\n"
      "[192.0.2.9]:literal.example\n"
      "m\xc3\xbcller.example:umlaut.example\n"
      "Boss@Here.example:boss.example:587 boss pass word\n"
      "@here.example:office.example\n"
      "free@here.example:\n"
      ":smart.example:465   alice\tsecret\n"};
  struct {
    std::string_view sender;
    std::string_view recipient;
    std::string_view destination;
  } const cases[] = {
      {"a@x.example", "example.org", "relay.example:587"},
      {"a@x.example", "EXAMPLE.org", "relay.example:587"},
      {"a@x.example", "mail.example.org", "[192.0.2.1]:25"},
      {"a@x.example", "a.b.example.org", "[192.0.2.1]:25"},
      {"a@x.example", "deep.example.org", "[192.0.2.1]:25"},
      {"a@x.example", "x.deep.example.org", "[ipv6:2001:db8::1]:2525"},
      {"a@x.example", "notexample.org", "smart.example:465 alice"},
      {"a@x.example", "org", "smart.example:465 alice"},
      {"a@x.example", "example.net", "example.net"},
      {"a@x.example", "sub.example.net", "smart.example:465 alice"},
      {"a@x.example", "[192.0.2.9]", "literal.example:25"},
      {"a@x.example", "[192.0.2.8]", "smart.example:465 alice"},
      {"a@x.example", "m\xc3\xbcller.example", "umlaut.example:25"},
      {"", "example.org", "relay.example:587"},
      {"", "example.com", "smart.example:465 alice"},
      {"boss@here.example", "example.org", "boss.example:587 boss"},
      {"BOSS@here.example", "example.net", "boss.example:587 boss"},
      {"clerk@here.example", "example.org", "office.example:25"},
      {"free@here.example", "example.org", "example.org"},
      {"a@sub.here.example", "example.org", "relay.example:587"},
  };
  auto const routes = Place::read();
  REQUIRE(routes);
  for (auto const& [sender, recipient, destination] : cases) {
    CAPTURE(std::string{sender}, std::string{recipient});
    CHECK(routes->destination(*Address::parse(Wire{sender}), *Domain::parse(Wire{recipient})).text() == destination);
  }
  CHECK(*Place::password("smart.example:465 alice") == "secret");
  CHECK(*Place::password("boss.example:587 boss") == "pass word");
  CHECK_FALSE(Place::password("boss.example:587 alice"));
  CHECK_FALSE(Place::password("boss.example:588 boss"));
  CHECK_FALSE(Place::password("relay.example:587"));
}

TEST_CASE("without smtproutes, or with an empty one, all mail goes by MX") {
  Place const place{""};
  for (bool const is_there : {true, false}) {
    if (!is_there) REQUIRE(unlink("control/smtproutes") == 0);
    auto const routes = Place::read();
    REQUIRE(routes);
    CHECK(routes->destination(*Address::parse(Wire{"a@b.example"}), *Domain::parse(Wire{"c.example"})).text() == "c.example");
    CHECK_FALSE(Place::password("c.example:25 alice"));
  }
}

TEST_CASE("a password that everybody may read is not used; the routes are") {
  for (mode_t const mode : {0644u, 0642u, 0641u}) {
    Place const place{":smart.example:587 alice secret\n", mode};
    auto const routes = Place::read();
    REQUIRE(routes);
    CHECK(routes->destination(Address::null_sender(), *Domain::parse(Wire{"c.example"})).text() == "smart.example:587 alice");
    auto const password = Place::password("smart.example:587 alice");
    REQUIRE_FALSE(password);
    CHECK(password.error().is_permanent());
  }
  Place const place{"a.example:smart.example:587 alice one\nb.example:smart.example:587 alice two\n", 0600};
  CHECK_FALSE(Place::password("smart.example:587 alice"));
}

TEST_CASE("wrong lines of smtproutes are errors that show no password") {
  std::string_view const bad[] = {
      "example.org",
      "example.org relay.example",
      "example..org:relay.example",
      ".:relay.example",
      "@:relay.example",
      "a b@c:relay.example",
      "example.org:relay..example",
      "example.org:relay.example:",
      "example.org:relay.example:0",
      "example.org:relay.example:65536",
      "example.org:relay.example:smtp",
      "example.org:relay.example:25:25",
      "example.org:[192.0.2.1",
      "example.org::25",
      "example.org: alice secret",
      "example.org:relay.example alice",
      "example.org:relay.example al\x01ice secret",
      "example.org:relay.example alice sec\x01ret",
      "example.org:a.example\nEXAMPLE.org:b.example",
  };
  for (std::string_view const text : bad) {
    CAPTURE(std::string{text});
    Place const place{text};
    auto const routes = Place::read();
    REQUIRE_FALSE(routes);
    CHECK(routes.error().is_permanent());
    CHECK(routes.error().text().find("secret") == std::string::npos);
    CHECK(routes.error().text().find("ret") == std::string::npos);
  }
}
