// control/trustedclients: addresses and networks, and loopback without being named.
#include "auth/trusted_clients.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

Result<TrustedClients> read(std::string_view text) {
  Scratch const scratch;
  scratch.make_directory("control");
  scratch.enter();
  scratch.write("control/trustedclients", text);
  return TrustedClients::read(*Control::open());
}

bool contains(const TrustedClients& clients, std::string_view address) {
  return clients.contains(*IpAddress::parse(Wire{address}));
}

}  // namespace

TEST_CASE("loopback is always trusted, and nobody else without a setting") {
  TrustedClients const none;
  for (std::string_view const address : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
    CHECK(contains(none, address));
  for (std::string_view const address : {"128.0.0.1", "126.255.255.255", "::2", "::", "192.0.2.1", "::127.0.0.1"})
    CHECK_FALSE(contains(none, address));
}

TEST_CASE("addresses and networks are trusted as they are written") {
  auto const clients = read("192.0.2.1\n198.51.100.64/26\n2001:db8::/33\n203.0.113.0/31\n2001:db8:ffff::1\n");
  REQUIRE(clients);
  for (std::string_view const address : {"192.0.2.1", "::ffff:192.0.2.1", "198.51.100.64", "198.51.100.127", "2001:db8:7fff::1",
                                         "203.0.113.1", "2001:db8:ffff::1"})
    CHECK(contains(*clients, address));
  for (std::string_view const address :
       {"192.0.2.2", "198.51.100.63", "198.51.100.128", "2001:db8:8000::1", "203.0.113.2", "2001:db8:ffff::2"})
    CHECK_FALSE(contains(*clients, address));
  CHECK(contains(*read("0.0.0.0/0\n"), "192.0.2.1"));
  CHECK_FALSE(contains(*read("0.0.0.0/0\n"), "2001:db8::1"));
  CHECK(contains(*read("::/0\n"), "192.0.2.1"));
}

TEST_CASE("a wrong line of control/trustedclients is an error") {
  for (std::string_view const line :
       {"host.example", "192.0.2.1/33", "192.0.2.1/", "2001:db8::/129", "192.0.2.0/-1", "192.0.2", "[::1]"}) {
    CAPTURE(line);
    CHECK_FALSE(read(line));
  }
}
