#include "auth/trusted_clients.h"

#include "lib/core/number.h"

namespace postern {
namespace {

bool are_equal(const IpAddress& a, const IpAddress& b, unsigned bits) {
  in6_addr const left = a.v6_bytes(), right = b.v6_bytes();
  for (unsigned i = 0; i < 16 && bits > i * 8; ++i) {
    unsigned const here = bits - i * 8 < 8 ? bits - i * 8 : 8;
    unsigned const mask = 0xffu << (8 - here) & 0xffu;
    if ((left.s6_addr[i] & mask) != (right.s6_addr[i] & mask)) return false;
  }
  return true;
}

}  // namespace

Result<TrustedClients> TrustedClients::read(const Control& control) {
  TrustedClients clients;
  auto const lines = TRY(control.list<"trustedclients">());
  for (const std::string& line : lines.value_or(std::vector<std::string>{})) {
    std::size_t const slash = line.find('/');
    std::string_view const text = std::string_view{line}.substr(0, slash);
    auto const address = IpAddress::parse(Wire{text});
    if (!address) return permanent("control/trustedclients: neither an address nor a network:", line);
    unsigned const most = address->is_v4() ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string::npos) {
      auto const number = parse_number(Wire{std::string_view{line}.substr(slash + 1)}, most);
      if (!number) return permanent("control/trustedclients: neither an address nor a network:", line);
      bits = static_cast<unsigned>(*number);
    }
    clients.networks_.push_back({*address, bits + (128 - most)});
  }
  return clients;
}

bool TrustedClients::contains(const IpAddress& address) const {
  if (address.is_loopback()) return true;
  for (const Network& network : networks_)
    if (are_equal(address, network.address, network.bits)) return true;
  return false;
}

}  // namespace postern
