// Tests of lib/mail/routes: locals, virtualdomains and rcpthosts with qmail's meanings, wildcards and exceptions.
#include "lib/mail/routes.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

struct Place {
  Scratch scratch;
  Place() {
    scratch.make_directory("control");
    scratch.enter();
    set("me", "Here.Example\n");
  }
  void set(const std::string& name, std::string_view text) const { scratch.write("control/" + name, text); }
  static Result<Routes> read() { return Routes::read(*Control::open()); }
};

// "local NAME" or "remote DOMAIN".
std::string route(const Routes& routes, std::string_view address) {
  Route const route = routes.route(*Address::parse(Wire{address}));
  return (route.kind == Route::Kind::local ? "local " : "remote ") + route.name;
}

}  // namespace

TEST_CASE("without lists only this host's name is local") {
  Place const place;
  auto const routes = Place::read();
  REQUIRE(routes);
  CHECK(routes->me() == "here.example");
  CHECK(route(*routes, "Alice@HERE.example") == "local alice");
  CHECK(route(*routes, "alice@sub.here.example") == "remote sub.here.example");
  CHECK(routes->is_accepted_from_strangers(*Domain::parse(Wire{"HERE.example"})));
  CHECK_FALSE(routes->is_accepted_from_strangers(*Domain::parse(Wire{"sub.here.example"})));
}

TEST_CASE("locals replaces this host's name, even when it is empty") {
  Place const place;
  place.set("locals", "# none\n");
  CHECK(route(*Place::read(), "alice@here.example") == "remote here.example");
  place.set("locals", "A.example\nb.example\n[192.0.2.1]\n");
  auto const routes = Place::read();
  CHECK(route(*routes, "x@a.example") == "local x");
  CHECK(route(*routes, "x@b.example") == "local x");
  CHECK(route(*routes, "x@[192.0.2.1]") == "local x");
  CHECK(route(*routes, "x@here.example") == "remote here.example");
}

TEST_CASE("virtualdomains are asked from the address to the catch-all, and the first one decides") {
  Place const place;
  place.set("locals", "both.example\n");
  place.set("virtualdomains",
            "both.example:never\nV.example:Vic\nbob@v.example:bobs\n.wild.example:w\nno.wild.example:\n.deep.wild.example:d\ntld:"
            "t\n.tld:dot\n");
  auto const routes = Place::read();
  REQUIRE(routes);
  struct {
    std::string_view address;
    std::string_view route;
  } const cases[] = {
      {"x@both.example", "local x"},  // locals come first
      {"X@v.EXAMPLE", "local vic-x"},
      {"Bob@v.example", "local bobs-bob"},  // a whole address before its domain
      {"x@sub.v.example", "remote sub.v.example"},
      {"x@wild.example", "remote wild.example"},  // .domain is what lies below it
      {"x@a.wild.example", "local w-x"},
      {"x@b.a.wild.example", "local w-x"},
      {"x@no.wild.example", "remote no.wild.example"},  // an empty prefix is an exception
      {"x@a.no.wild.example", "local w-x"},             // for that name alone
      {"x@a.deep.wild.example", "local d-x"},           // the longest wildcard
      {"x@deep.wild.example", "local w-x"},
      {"x@tld", "local t-x"},
      {"x@a.tld", "local dot-x"},
      {"\"a b\"@v.example", "local vic-a b"},
      {"x@elsewhere.example", "remote elsewhere.example"},
  };
  for (auto const& [address, expected] : cases) {
    INFO(address);
    CHECK(route(*routes, address) == expected);
  }
}

TEST_CASE("a catch-all takes what nothing else does, and makes no relay") {
  Place const place;
  place.set("virtualdomains", ":all\nnot.example:\n");
  auto const routes = Place::read();
  CHECK(route(*routes, "x@any.example") == "local all-x");
  CHECK(route(*routes, "x@not.example") == "remote not.example");
  CHECK(route(*routes, "x@here.example") == "local x");
  CHECK_FALSE(routes->is_accepted_from_strangers(*Domain::parse(Wire{"any.example"})));
}

TEST_CASE("strangers may send to locals, virtual domains and rcpthosts") {
  Place const place;
  place.set("virtualdomains", "v.example:v\n.w.example:w\nout.w.example:\nbob@only.example:b\n");
  place.set("rcpthosts", "MX.example\n.below.example\nout2.w.example\n");
  auto const routes = Place::read();
  struct {
    std::string_view domain;
    bool accepted;
  } const cases[] = {
      {"here.example", true},      {"v.example", true},
      {"sub.v.example", false},    {"a.w.example", true},
      {"w.example", false},        {"mx.example", true},
      {"a.mx.example", false},     {"a.below.example", true},
      {"b.a.below.example", true}, {"below.example", false},
      {"xbelow.example", false},   {"out.w.example", false},  // goes elsewhere, so taking it would be relaying
      {"out2.w.example", true},    {"only.example", false},
      {"example", false},          {"[127.0.0.1]", false},
  };
  for (auto const& [domain, accepted] : cases) {
    INFO(domain);
    CHECK(routes->is_accepted_from_strangers(*Domain::parse(Wire{domain})) == accepted);
  }
}

TEST_CASE("a line of virtualdomains without a colon is named") {
  Place const place;
  place.set("virtualdomains", "fine.example:f\nwrong.example\n");
  auto const routes = Place::read();
  REQUIRE_FALSE(routes);
  CHECK(routes.error().is_permanent());
  CHECK(routes.error().text() == "control/virtualdomains: no colon in line: wrong.example");
}
