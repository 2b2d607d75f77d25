#include "smtpd/client_info.h"

#include "lib/core/ascii.h"
#include "lib/net/ip.h"

namespace postern {
namespace {

// What a listener says is trusted, but goes into headers: nothing but an address's characters.
std::string address_of(std::optional<std::string_view> value) {
  constexpr std::size_t longest = 64;
  if (!value || value->size() > longest) return {};
  for (char const c : *value)
    if (!is_hex_digit(c) && c != '.' && c != ':' && c != '%' && !is_alnum(c)) return {};
  return std::string{*value};
}

}  // namespace

std::string ClientInfo::ip() const {
  auto const parsed = IpAddress::parse(Wire{address});
  return parsed ? parsed->text() : std::string{};
}

ClientInfo ClientInfo::from(const Args& args) {
  bool const is_six = args.variable("PROTO") == "TCP6";
  auto const either = [&](std::string_view six, std::string_view four) {
    return args.variable(is_six && args.variable(six) ? six : four);
  };
  return ClientInfo{address_of(either("TCP6REMOTEIP", "TCPREMOTEIP")), address_of(either("TCP6REMOTEPORT", "TCPREMOTEPORT")),
                    address_of(either("TCP6LOCALIP", "TCPLOCALIP"))};
}

}  // namespace postern
