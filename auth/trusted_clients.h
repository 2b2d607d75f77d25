// trusted_clients - control/trustedclients and loopback: clients that other people's failures come through, never slowed
#pragma once

#include <string_view>
#include <vector>

#include "lib/net/ip.h"
#include "lib/os/control.h"

namespace postern {

class TrustedClients {
 public:
  TrustedClients() = default;
  static Result<TrustedClients> read(const Control& control);  // addresses, and networks as 192.0.2.0/24
  bool contains(const IpAddress& address) const;

 private:
  struct Network {
    IpAddress address;
    unsigned bits;  // of 128: an IPv4 address is wrapped in an IPv6 one
  };
  std::vector<Network> networks_;
};

}  // namespace postern
