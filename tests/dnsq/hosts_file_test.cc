// Tests of dnsq/hosts_file and dnsq/unbound_config: what the machine's table says, and how libunbound is told.
#include "dnsq/hosts_file.h"

#include <catch2/catch.hpp>

#include "dnsq/unbound_config.h"

using namespace postern;

namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("lines of a hosts file") {
  auto const lines =
      parse_hosts(Wire{"# comment\n"
                       "127.0.0.1\tlocalhost\n"
                       " ::1 localhost ip6-localhost # more\n"
                       "192.0.2.1 Host.Example host\r\n"
                       "\n"
                       "192.0.2.2\n"                  // no name
                       "nonsense here.example\n"      // no address
                       "192.0.2.3 a\"b ok.example\n"  // one of them is no host name
                       "192.0.2.4 last.example"});
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].names == std::vector<std::string>{"localhost"});
  CHECK(lines[1].names == std::vector<std::string>{"localhost", "ip6-localhost"});
  CHECK(lines[2].names == std::vector<std::string>{"host.example", "host"});
  CHECK(lines[3].names == std::vector<std::string>{"ok.example"});
  CHECK(lines[4].address.text() == "192.0.2.4");
}

TEST_CASE("libunbound is told what the settings say") {
  DnsSettings wanted;
  wanted.anchor = "control/keys";
  wanted.forwarders = {*parse_server(Wire{"192.0.2.1"}), *parse_server(Wire{"2001:db8::1@5353"})};
  wanted.stubs = {{"a.example", *parse_server(Wire{"192.0.2.2"})},
                  {"b.example", *parse_server(Wire{"192.0.2.3"})},
                  {"a.example", *parse_server(Wire{"192.0.2.4"})}};
  std::string const text = unbound_config(wanted, {});
  CHECK(has(text, "trust-anchor-file: \"control/keys\""));
  CHECK(has(text, "forward-zone:\n name: \".\"\n forward-addr: 192.0.2.1@53\n forward-addr: 2001:db8::1@5353\n"));
  CHECK(has(text, "stub-zone:\n name: \"a.example.\"\n stub-addr: 192.0.2.2@53\n stub-addr: 192.0.2.4@53\n"));
  CHECK(has(text, "stub-zone:\n name: \"b.example.\"\n stub-addr: 192.0.2.3@53\n"));
  CHECK_FALSE(has(text, "do-not-query-localhost"));
  wanted.stubs.push_back({"c.example", *parse_server(Wire{"127.0.0.1@5300"})});
  CHECK(has(unbound_config(wanted, {}), "do-not-query-localhost: no"));
  CHECK_FALSE(has(unbound_config({}, {}), "-zone:"));
}

TEST_CASE("what the hosts file names is all there is") {
  DnsSettings wanted;
  wanted.is_hosts_only = true;
  wanted.stubs = {{"a.example", *parse_server(Wire{"127.0.0.1@5300"})}};
  std::string const text = unbound_config(wanted, parse_hosts(Wire{"192.0.2.1 host.example h\n2001:db8::1 six.example\n"}));
  CHECK(has(text, "local-zone: \".\" static"));
  CHECK(has(text, "local-zone: \"a.example.\" transparent"));
  CHECK(has(text, "local-data: \"host.example. A 192.0.2.1\""));
  CHECK(has(text, "local-data: \"h. A 192.0.2.1\""));
  CHECK(has(text, "local-data: \"1.2.0.192.in-addr.arpa. PTR host.example.\""));
  CHECK(has(text, "local-data: \"six.example. AAAA 2001:db8::1\""));
  CHECK(has(text, "name: \".\"\n forward-addr: 192.0.2.255"));  // a CNAME that leaves the stub's zone finds nobody
  CHECK(has(text, "do-not-query-address: 192.0.2.255"));
}

TEST_CASE("localhost is this machine, whether the hosts file says so or not") {
  std::vector<HostsLine> none;
  add_localhost(none);
  REQUIRE(none.size() == 2);
  CHECK(none[0].address.text() == "127.0.0.1");
  CHECK(none[1].address.text() == "::1");
  CHECK(none[1].names == std::vector<std::string>{"localhost"});
  auto said = parse_hosts(Wire{"127.0.0.5 here localhost\n"});
  add_localhost(said);
  CHECK(said.size() == 1);
}
