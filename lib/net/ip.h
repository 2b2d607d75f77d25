// ip - an IPv4 or IPv6 address, and an address with a port
//
// An IPv4 address, and an IPv6 address that only wraps one (::ffff:192.0.2.1, RFC 4291 §2.5.5.2), are the same value and
// the same text: nobody gets two counts by asking over the other protocol.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class IpAddress {
 public:
  static Result<IpAddress> parse(Wire text);  // "192.0.2.1" or RFC 4291 §2.2 text; no brackets, no zone, no port
  static IpAddress v4(const in_addr& address);
  static IpAddress v6(const in6_addr& address);

  bool is_v4() const;
  bool is_loopback() const;   // ::1 and all of 127.0.0.0/8
  std::string text() const;   // RFC 5952; parse(text()) gives this back
  IpAddress network() const;  // what counts as one client: itself, or the first 64 bits of IPv6
  in_addr v4_bytes() const;   // only of an IPv4 address
  in6_addr v6_bytes() const;  // of any; IPv4 wrapped
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpAddress() = default;
  std::array<std::uint8_t, 16> bytes_{};
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port;

  static Result<Endpoint> from(const sockaddr_storage& address);  // a permanent error unless it is IPv4 or IPv6
  socklen_t write_to(sockaddr_storage& address) const;            // the bytes used
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace postern
