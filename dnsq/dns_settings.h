// dns_settings - whom dnsqd asks, and what it trusts: control/dnsforward, dnsstub and dnsanchor
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/net/ip.h"
#include "lib/os/control.h"

namespace postern {

struct DnsStub {
  std::string zone;  // lower case, no dot at the end
  Endpoint server;
  friend bool operator==(const DnsStub&, const DnsStub&) = default;
};

struct DnsSettings {
  bool is_hosts_only = false;        // dnsforward says "hosts"
  std::vector<Endpoint> forwarders;  // none: from the root servers on
  std::vector<DnsStub> stubs;
  std::optional<std::string> anchor;  // a file of trust anchors; without, nothing is validated

  // An error names the file that is wrong.
  static Result<DnsSettings> read(const Control& control);
  bool has_loopback_server() const;
  std::vector<std::uint16_t> other_ports() const;  // than 53, each once
  friend bool operator==(const DnsSettings&, const DnsSettings&) = default;
};

// "192.0.2.1", "192.0.2.1@5353", "2001:db8::1@5353"; 53 without a port.
Result<Endpoint> parse_server(Wire text);

}  // namespace postern
