#include "lib/net/ip.h"

#include <arpa/inet.h>

#include <catch2/catch.hpp>

using namespace postern;

namespace {

IpAddress parsed(std::string_view text) {
  auto const address = IpAddress::parse(Wire{text});
  INFO(text);
  REQUIRE(address);
  return *address;
}

}  // namespace

TEST_CASE("an IP address is read and written in one way") {
  constexpr struct {
    std::string_view text, written;
    bool is_v4;
  } cases[] = {
      {"0.0.0.0", "0.0.0.0", true},
      {"192.0.2.1", "192.0.2.1", true},
      {"255.255.255.255", "255.255.255.255", true},
      {"::ffff:192.0.2.1", "192.0.2.1", true},
      {"::FFFF:c000:201", "192.0.2.1", true},
      {"0:0:0:0:0:ffff:127.0.0.1", "127.0.0.1", true},
      {"::", "::", false},
      {"::1", "::1", false},
      {"0:0:0:0:0:0:0:1", "::1", false},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", false},     // RFC 5952 4.2.3: the first of two equal runs
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},  // RFC 5952 4.2.2: one field is not shortened
      {"fe80::1", "fe80::1", false},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", false},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
  };
  for (auto const& [text, written, is_v4] : cases) {
    INFO(text);
    auto const address = parsed(text);
    CHECK(address.text() == written);
    CHECK(address.is_v4() == is_v4);
    CHECK(parsed(address.text()) == address);
  }
}

TEST_CASE("what is not an IP address is refused for good") {
  for (std::string_view const text : {"",
                                      " ",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "256.0.0.1",
                                      "01.2.3.4",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "1.2.3.4\n",
                                      "0x7f.0.0.1",
                                      "127.1",
                                      "::g",
                                      ":::",
                                      "1::2::3",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "fe80::1%eth0",
                                      "[::1]",
                                      "::1/64",
                                      "12345::",
                                      "::256.1.1.1",
                                      "::ffff:1.2.3",
                                      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    INFO(text);
    auto const address = IpAddress::parse(Wire{text});
    REQUIRE_FALSE(address);
    CHECK(address.error().is_permanent());
  }
  CHECK_FALSE(IpAddress::parse(Wire{std::string_view{"1.2.3.4\0", 8}}));
  CHECK_FALSE(IpAddress::parse(Wire{std::string_view{"::1\0.2", 6}}));
}

TEST_CASE("a client is an IPv4 address or an IPv6 /64") {
  constexpr struct {
    std::string_view one, other;
    bool same;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
      {"2001:db8::1", "2001:db8:0:1::1", false},
      {"::1", "127.0.0.1", false},
      {"::1", "::ffff:0:0:1", true},
      {"fd00:0:0:8000::1", "fd00:0:0:8001::1", false},
  };
  for (auto const& [one, other, same] : cases) {
    INFO(one << " " << other);
    CHECK((parsed(one).network() == parsed(other).network()) == same);
  }
}

TEST_CASE("an endpoint goes into a socket address and comes back") {
  for (std::string_view const text : {"192.0.2.7", "2001:db8::7", "::", "0.0.0.0"}) {
    Endpoint const endpoint{parsed(text), 2525};
    sockaddr_storage storage{};
    socklen_t const length = endpoint.write_to(storage);
    CHECK(length == (endpoint.address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
    auto const back = Endpoint::from(storage);
    REQUIRE(back);
    CHECK(*back == endpoint);
  }
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  CHECK_FALSE(Endpoint::from(local));
}
