#include "lib/net/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

constexpr std::array<std::uint8_t, 12> v4_wrapping = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t network_bytes = 8;  // a customer of IPv6 is a /64 at least

}  // namespace

Result<IpAddress> IpAddress::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::array<char, INET6_ADDRSTRLEN> room{};
  if (text.size() >= room.size() || text.find('\0') != std::string_view::npos) return permanent("IP address: too long");
  text.copy(room.data(), text.size());
  in_addr four{};
  if (inet_pton(AF_INET, room.data(), &four) == 1) return v4(four);
  in6_addr six{};
  if (inet_pton(AF_INET6, room.data(), &six) == 1) return v6(six);
  return permanent("IP address: neither IPv4 nor IPv6:", text);
}

IpAddress IpAddress::v4(const in_addr& address) {
  IpAddress ip;
  std::copy(v4_wrapping.begin(), v4_wrapping.end(), ip.bytes_.begin());
  std::memcpy(ip.bytes_.data() + v4_wrapping.size(), &address, sizeof address);
  return ip;
}

IpAddress IpAddress::v6(const in6_addr& address) {
  IpAddress ip;
  std::memcpy(ip.bytes_.data(), &address, sizeof address);
  return ip;
}

bool IpAddress::is_loopback() const {
  in6_addr const bytes = v6_bytes();
  return is_v4() ? bytes.s6_addr[12] == 127 : IN6_IS_ADDR_LOOPBACK(&bytes);
}

bool IpAddress::is_v4() const { return std::equal(v4_wrapping.begin(), v4_wrapping.end(), bytes_.begin()); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> room{};
  if (is_v4())
    inet_ntop(AF_INET, bytes_.data() + v4_wrapping.size(), room.data(), room.size());
  else
    inet_ntop(AF_INET6, bytes_.data(), room.data(), room.size());
  return room.data();
}

IpAddress IpAddress::network() const {
  IpAddress ip = *this;
  if (!is_v4()) std::fill(ip.bytes_.begin() + network_bytes, ip.bytes_.end(), std::uint8_t{0});
  return ip;
}

in_addr IpAddress::v4_bytes() const {
  in_addr address{};
  std::memcpy(&address, bytes_.data() + v4_wrapping.size(), sizeof address);
  return address;
}

in6_addr IpAddress::v6_bytes() const {
  in6_addr address{};
  std::memcpy(&address, bytes_.data(), sizeof address);
  return address;
}

Result<Endpoint> Endpoint::from(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    return Endpoint{IpAddress::v4(address.sin_addr), ntohs(address.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof address);
    return Endpoint{IpAddress::v6(address.sin6_addr), ntohs(address.sin6_port)};
  }
  return permanent("socket: neither IPv4 nor IPv6");
}

socklen_t Endpoint::write_to(sockaddr_storage& storage) const {
  if (address.is_v4()) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr = address.v4_bytes();
    std::memcpy(&storage, &four, sizeof four);
    return sizeof four;
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = address.v6_bytes();
  std::memcpy(&storage, &six, sizeof six);
  return sizeof six;
}

}  // namespace postern
