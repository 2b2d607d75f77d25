// unbound_config - dnsqd's settings in libunbound's own language (unbound.conf)
#pragma once

#include <string>
#include <vector>

#include "dnsq/dns_settings.h"
#include "dnsq/hosts_file.h"

namespace postern {

// How much of everything libunbound may use.
constexpr unsigned unbound_outgoing_sockets = 1800;
constexpr unsigned unbound_outgoing_connections = 100;

std::string unbound_config(const DnsSettings& wanted, const std::vector<HostsLine>& hosts);

}  // namespace postern
