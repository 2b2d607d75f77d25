// hosts_file - the machine's own table of names, /etc/hosts: an address and its names a line
//
// Root's file, read before the program confines itself. A line that is not understood is passed over, as everybody does.
#pragma once

#include <string>
#include <vector>

#include "lib/core/wire.h"
#include "lib/net/ip.h"

namespace postern {

struct HostsLine {
  IpAddress address;
  std::vector<std::string> names;  // host names, lower case, at least one; the first is the canonical one
};

std::vector<HostsLine> parse_hosts(Wire file);
// RFC 6761 §6.3: localhost is this machine, also where the file does not say so.
void add_localhost(std::vector<HostsLine>& lines);

}  // namespace postern
