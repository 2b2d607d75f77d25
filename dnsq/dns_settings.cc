#include "dnsq/dns_settings.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/net/dns_protocol.h"

namespace postern {
namespace {

constexpr std::uint16_t usual_port = 53;
constexpr std::size_t most_servers = 16;
constexpr std::string_view debian_anchor = "/usr/share/dns/root.key";

Result<DnsStub> parse_stub(std::string_view line) {
  std::size_t const blank = line.find_first_of(" \t");
  if (blank == std::string_view::npos) return permanent("control/dnsstub: not a zone, a blank and a server:", line);
  std::string_view zone = line.substr(0, blank);
  if (zone.size() > 1 && zone.back() == '.') zone.remove_suffix(1);
  std::string const lower = to_lower(zone);
  if (!is_dns_host_name(lower)) return permanent("control/dnsstub: not the name of a zone:", line);
  auto const server = parse_server(Wire{trimmed(line.substr(blank))});
  if (!server) return permanent("control/dnsstub: not an address, or address@port:", line);
  return DnsStub{lower, *server};
}

// "none", a file of control/, or a path.
Result<std::optional<std::string>> read_anchor(const Control& control) {
  auto const line = TRY(control.line<"dnsanchor">());
  if (!line) return std::optional<std::string>{debian_anchor};
  if (*line == "none") return std::optional<std::string>{};
  if (line->find_first_of("\"\\") != std::string::npos) return permanent("control/dnsanchor: a quote in a file's name:", *line);
  if (line->front() == '/') return line;
  if (line->find('/') != std::string::npos || line->front() == '.')
    return permanent("control/dnsanchor: neither a file of control/ nor a path from /:", *line);
  return std::optional{"control/" + *line};
}

}  // namespace

Result<Endpoint> parse_server(Wire text) {
  std::string_view const server = text.bytes();
  std::size_t const at = server.find('@');
  IpAddress const address = TRY(IpAddress::parse(Wire{server.substr(0, at)}));
  if (at == std::string_view::npos) return Endpoint{address, usual_port};
  auto const port = static_cast<std::uint16_t>(TRY(parse_number(Wire{server.substr(at + 1)}, 65535)));
  if (port == 0) return permanent("port 0");
  return Endpoint{address, port};
}

Result<DnsSettings> DnsSettings::read(const Control& control) {
  DnsSettings wanted;
  auto const forwarders = TRY(control.list<"dnsforward">());
  wanted.is_hosts_only = forwarders && forwarders->size() == 1 && forwarders->front() == "hosts";
  if (forwarders && !wanted.is_hosts_only)
    for (const std::string& line : *forwarders) {
      auto const server = parse_server(Wire{line});
      if (!server) return permanent("control/dnsforward: neither \"hosts\" nor an address, or address@port:", line);
      wanted.forwarders.push_back(*server);
    }
  if (auto const stubs = TRY(control.list<"dnsstub">()))
    for (const std::string& line : *stubs) wanted.stubs.push_back(TRY(parse_stub(line)));
  if (wanted.forwarders.size() + wanted.stubs.size() > most_servers)
    return permanent("control/dnsforward and control/dnsstub: more than 16 servers");
  wanted.anchor = TRY(read_anchor(control));
  if (wanted.is_hosts_only && wanted.stubs.empty()) wanted.anchor.reset();  // there is nothing to validate
  return wanted;
}

bool DnsSettings::has_loopback_server() const {
  return std::any_of(forwarders.begin(), forwarders.end(), [](const Endpoint& server) { return server.address.is_loopback(); }) ||
         std::any_of(stubs.begin(), stubs.end(), [](const DnsStub& stub) { return stub.server.address.is_loopback(); });
}

std::vector<std::uint16_t> DnsSettings::other_ports() const {
  std::vector<std::uint16_t> ports;
  for (const Endpoint& server : forwarders) ports.push_back(server.port);
  for (const DnsStub& stub : stubs) ports.push_back(stub.server.port);
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  std::erase(ports, usual_port);
  return ports;
}

}  // namespace postern
