// Tests of smtpd/client_info: the UCSPI variables, of IPv4, of IPv6 and of nobody.
#include "smtpd/client_info.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("who the client is") {
  using Environment = std::vector<std::pair<std::string_view, std::string_view>>;
  std::string const long_value(65, '1');
  struct {
    Environment environment;
    std::string_view address, port;
  } const cases[] = {
      {{}, "", ""},
      {{{"PROTO", "TCP"}, {"TCPREMOTEIP", "192.0.2.7"}, {"TCPREMOTEPORT", "25"}}, "192.0.2.7", "25"},
      {{{"PROTO", "TCP"}, {"TCPREMOTEIP", "2001:db8::7"}}, "2001:db8::7", ""},
      {{{"PROTO", "TCP6"}, {"TCP6REMOTEIP", "fe80::1%eth0"}, {"TCP6REMOTEPORT", "1"}}, "fe80::1%eth0", "1"},
      {{{"PROTO", "TCP6"}, {"TCPREMOTEIP", "2001:db8::7"}}, "2001:db8::7", ""},
      {{{"PROTO", "TCP"}, {"TCP6REMOTEIP", "::1"}}, "", ""},
      {{{"TCPREMOTEIP", "192.0.2.7\r\nX: y"}}, "", ""},
      {{{"TCPREMOTEIP", "(192.0.2.7)"}}, "", ""},
      {{{"TCPREMOTEIP", long_value}}, "", ""},
  };
  for (auto const& [environment, address, port] : cases) {
    Args args;
    args.environment = environment;
    ClientInfo const client = ClientInfo::from(args);
    CHECK(client.address == address);
    CHECK(client.port == port);
  }
}
