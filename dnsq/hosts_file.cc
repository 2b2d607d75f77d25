#include "dnsq/hosts_file.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/net/dns_protocol.h"

namespace postern {
namespace {

std::string_view next_word(std::string_view& line) {
  line = trimmed(line);
  std::size_t const end = line.find_first_of(" \t\r");
  std::string_view const word = line.substr(0, end);
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

std::vector<HostsLine> parse_hosts(Wire file) {
  std::vector<HostsLine> lines;
  std::string_view rest = file.bytes();
  while (!rest.empty()) {
    std::size_t const end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    line = line.substr(0, line.find('#'));
    auto const address = IpAddress::parse(Wire{next_word(line)});
    if (!address) continue;
    HostsLine entry{*address, {}};
    for (std::string_view word; !(word = next_word(line)).empty();) {
      std::string name = to_lower(word);
      if (is_dns_host_name(name)) entry.names.push_back(std::move(name));
    }
    if (!entry.names.empty()) lines.push_back(std::move(entry));
  }
  return lines;
}

void add_localhost(std::vector<HostsLine>& lines) {
  constexpr std::string_view name = "localhost";
  for (const HostsLine& line : lines)
    if (std::find(line.names.begin(), line.names.end(), name) != line.names.end()) return;
  for (const char* const address : {"127.0.0.1", "::1"}) lines.push_back({*IpAddress::parse(Wire{address}), {std::string{name}}});
}

}  // namespace postern
