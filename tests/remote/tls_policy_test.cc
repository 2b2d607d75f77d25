#include "remote/tls_policy.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("lines of control/tlspolicy") {
  struct {
    std::string_view line;
    std::string_view name;
    TlsPolicy policy;
  } const good[] = {
      {"none", "", TlsPolicy::none},
      {"may", "", TlsPolicy::may},
      {"encrypt", "", TlsPolicy::encrypt},
      {"verify", "", TlsPolicy::verify},
      {"dane", "", TlsPolicy::dane},
      {"example.org:verify", "example.org", TlsPolicy::verify},
      {"Example.ORG : verify", "example.org", TlsPolicy::verify},
      {".example.org:may", ".example.org", TlsPolicy::may},
      {"b\xc3\xbc"
       "cher.example:encrypt",
       "xn--bcher-kva.example", TlsPolicy::encrypt},
      {".b\xc3\xbc"
       "cher.example:encrypt",
       ".xn--bcher-kva.example", TlsPolicy::encrypt},
      {"relay.example:587:dane", "relay.example:587", TlsPolicy::dane},
      {"[192.0.2.1]:none", "[192.0.2.1]", TlsPolicy::none},
      {"[192.0.2.1]:25:none", "[192.0.2.1]:25", TlsPolicy::none},
      {"[ipv6:2001:db8::1]:none", "[ipv6:2001:db8::1]", TlsPolicy::none},
  };
  for (auto const& [line, name, policy] : good) {
    CAPTURE(std::string{line});
    auto const parsed = TlsPolicyLine::parse(Wire{line});
    REQUIRE(parsed);
    CHECK(parsed->name == name);
    CHECK(parsed->policy == policy);
  }
  for (std::string_view const line :
       {"", "any", "May", "may ", ":may", "example.org", "example.org:", "example.org:all", "example.org verify", ".:may",
        "*:may", "..example.org:may", ".[192.0.2.1]:may", "relay.example:0:may", "relay.example:65536:may", "relay.example::may",
        "relay.example:25 alice:may", "example.org:may:", "[192.0.2.1:may"}) {
    CAPTURE(std::string{line});
    auto const parsed = TlsPolicyLine::parse(Wire{line});
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().is_permanent());
  }
}

TEST_CASE("which policy a destination has") {
  TlsPolicies policies;
  CHECK(policies.of(*Destination::parse(Wire{"example.org"})) == TlsPolicy::dane);
  for (std::string_view const line :
       {"may", "example.org:verify", ".example.org:encrypt", ".b.example.org:none", "xn--bcher-kva.example:verify",
        "relay.example:587:verify", "relay.example:none", "[192.0.2.1]:none"})
    REQUIRE(policies.add(*TlsPolicyLine::parse(Wire{line})));
  struct {
    std::string_view destination;
    TlsPolicy policy;
  } const rows[] = {
      {"example.org", TlsPolicy::verify},
      {"a.example.org", TlsPolicy::encrypt},
      {"x.a.example.org", TlsPolicy::encrypt},
      {"b.example.org", TlsPolicy::encrypt},
      {"x.b.example.org", TlsPolicy::none},
      {"anexample.org", TlsPolicy::may},
      {"b\xc3\xbc"
       "cher.example",
       TlsPolicy::verify},
      {"xn--bcher-kva.example", TlsPolicy::verify},
      {"relay.example:587", TlsPolicy::verify},
      {"relay.example:587 alice", TlsPolicy::verify},
      {"relay.example:25", TlsPolicy::may},  // a relay's line has its port
      {"a.example.org:25", TlsPolicy::may},
      {"relay.example", TlsPolicy::none},
      {"[192.0.2.1]", TlsPolicy::none},
      {"[192.0.2.2]", TlsPolicy::may},
  };
  for (auto const& [destination, policy] : rows) {
    CAPTURE(std::string{destination});
    CHECK(policies.of(*Destination::parse(Wire{destination})) == policy);
  }
  CHECK_FALSE(policies.add(*TlsPolicyLine::parse(Wire{"EXAMPLE.org:may"})));
  CHECK_FALSE(policies.add(*TlsPolicyLine::parse(Wire{"none"})));
}
