#include "dnsq/unbound_config.h"

#include <initializer_list>
#include <set>
#include <string_view>

#include "lib/core/number.h"
#include "lib/net/dns_protocol.h"

namespace postern {
namespace {

constexpr std::string_view nobody = "192.0.2.255";  // of documentation, RFC 5737

// "server:" options, whatever the settings say: one thread, bounded caches, nothing written anywhere.
constexpr std::string_view always =
    "server:\n"
    " verbosity: 0\n"
    " use-syslog: no\n"
    " num-threads: 1\n"
    " module-config: \"validator iterator\"\n"
    " num-queries-per-thread: 2000\n"
    " msg-cache-size: 16m\n"
    " rrset-cache-size: 32m\n"
    " key-cache-size: 8m\n"
    " neg-cache-size: 4m\n"
    " infra-cache-max-rtt: 5000\n"  // a server that was away is asked again soon
    " infra-host-ttl: 60\n"
    " infra-keep-probing: yes\n"
    " unwanted-reply-threshold: 1000000\n"
    " val-bogus-ttl: 30\n"
    " val-log-level: 2\n";  // reasons in full; the log itself goes nowhere

// What RFC 6303, 6761 and 7686 keep from the network is asked all the same when the operator names whom to ask.
constexpr std::string_view kept_local[] = {"test", "invalid", "home.arpa"};

void add(std::string& text, std::initializer_list<std::string_view> pieces) {
  for (std::string_view const piece : pieces) text += piece;
}

std::string text_of(const Endpoint& server) { return server.address.text() + '@' + decimal(server.port); }

void add_host(std::string& text, const HostsLine& line) {
  std::string const address = line.address.text();
  for (const std::string& name : line.names)
    add(text, {" local-data: \"", name, ". ", line.address.is_v4() ? "A " : "AAAA ", address, "\"\n"});
  add(text, {" local-data: \"", reverse_name(line.address), ". PTR ", line.names.front(), ".\"\n"});
}

// Only what the hosts file names is there; a stub's zone is asked for as everywhere.
void add_hosts_only(std::string& text, const DnsSettings& wanted, const std::vector<HostsLine>& hosts) {
  text += " local-zone: \".\" static\n";
  add(text, {" do-not-query-address: ", nobody, "\n"});  // the forwarder of what a stub leads to: fails at once
  for (std::string_view const zone :
       {"localhost", "127.in-addr.arpa", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"})
    add(text, {" local-zone: \"", zone, ".\" nodefault\n"});
  std::set<std::string_view> zones;
  for (const DnsStub& stub : wanted.stubs)
    if (zones.insert(stub.zone).second) add(text, {" local-zone: \"", stub.zone, ".\" transparent\n"});
  for (const HostsLine& line : hosts) add_host(text, line);
}

void add_zone(std::string& text, std::string_view kind, std::string_view zone, const std::vector<std::string>& servers) {
  add(text, {kind, "-zone:\n name: \"", zone, "\"\n"});
  for (const std::string& server : servers) add(text, {" ", kind, "-addr: ", server, "\n"});
}

void add_servers(std::string& text, const DnsSettings& wanted) {
  std::vector<std::string> forwarders;
  for (const Endpoint& server : wanted.forwarders) forwarders.push_back(text_of(server));
  if (wanted.is_hosts_only) forwarders.emplace_back(nobody);
  if (!forwarders.empty()) add_zone(text, "forward", ".", forwarders);
  std::set<std::string_view> zones;
  for (const DnsStub& stub : wanted.stubs) {
    if (!zones.insert(stub.zone).second) continue;
    std::vector<std::string> servers;
    for (const DnsStub& other : wanted.stubs)
      if (other.zone == stub.zone) servers.push_back(text_of(other.server));
    add_zone(text, "stub", stub.zone + ".", servers);
  }
}

}  // namespace

std::string unbound_config(const DnsSettings& wanted, const std::vector<HostsLine>& hosts) {
  std::string text{always};
  add(text, {" outgoing-range: ", decimal(unbound_outgoing_sockets),
             "\n outgoing-num-tcp: ", decimal(unbound_outgoing_connections), "\n"});
  if (wanted.has_loopback_server()) text += " do-not-query-localhost: no\n";
  if (wanted.anchor) add(text, {" trust-anchor-file: \"", *wanted.anchor, "\"\n"});
  if (wanted.is_hosts_only) {
    add_hosts_only(text, wanted, hosts);
  } else if (!wanted.forwarders.empty() || !wanted.stubs.empty()) {
    text += " unblock-lan-zones: yes\n insecure-lan-zones: yes\n";
    for (std::string_view const zone : kept_local) add(text, {" local-zone: \"", zone, ".\" nodefault\n"});
  }
  add_servers(text, wanted);
  return text;
}

}  // namespace postern
