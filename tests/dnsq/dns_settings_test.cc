// Tests of dnsq/dns_settings: whom dnsqd asks, and files that are wrong.
#include "dnsq/dns_settings.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

// dnsforward, dnsstub, dnsanchor as given; "-" is no file.
Result<DnsSettings> read_of(const std::string& forward, const std::string& stub, const std::string& anchor) {
  Scratch const scratch;
  std::pair<const char*, const std::string*> const files[] = {
      {"dnsforward", &forward}, {"dnsstub", &stub}, {"dnsanchor", &anchor}};
  for (auto const& [name, text] : files)
    if (*text != "-") scratch.write(name, *text);
  auto const control = Control::open(scratch.path());
  REQUIRE(control);
  return DnsSettings::read(*control);
}

}  // namespace

TEST_CASE("servers are an address, or an address and a port") {
  struct {
    std::string_view text;
    const char* address;  // none: refused
    unsigned port;
  } const cases[] = {
      {"192.0.2.1", "192.0.2.1", 53},
      {"192.0.2.1@5353", "192.0.2.1", 5353},
      {"2001:db8::1", "2001:db8::1", 53},
      {"::1@65535", "::1", 65535},
      {"", nullptr, 0},
      {"192.0.2.1@", nullptr, 0},
      {"192.0.2.1@0", nullptr, 0},
      {"192.0.2.1@65536", nullptr, 0},
      {"192.0.2.1:53", nullptr, 0},
      {"192.0.2.1@53@53", nullptr, 0},
      {"ns.example.org", nullptr, 0},
      {"192.0.2.1\" ", nullptr, 0},
  };
  for (auto const& [text, address, port] : cases) {
    CAPTURE(text);
    auto const server = parse_server(Wire{text});
    REQUIRE(server.has_value() == (address != nullptr));
    if (!address) continue;
    CHECK(server->address.text() == address);
    CHECK(server->port == port);
  }
}

TEST_CASE("without files everything is asked from the root servers on, and validated") {
  auto const read = read_of("-", "-", "-");
  REQUIRE(read);
  CHECK_FALSE(read->is_hosts_only);
  CHECK(read->forwarders.empty());
  CHECK(read->stubs.empty());
  CHECK(read->anchor == "/usr/share/dns/root.key");
  CHECK(read->other_ports().empty());
  CHECK_FALSE(read->has_loopback_server());
}

TEST_CASE("files say whom to ask and what to trust") {
  auto const read =
      read_of("# ours\n192.0.2.1\n127.0.0.1@5300\n", "Example.ORG. 192.0.2.2@5301\nexample.org\t192.0.2.3@5300\n", "keys\n");
  REQUIRE(read);
  REQUIRE(read->forwarders.size() == 2);
  REQUIRE(read->stubs.size() == 2);
  CHECK(read->stubs[0].zone == "example.org");
  CHECK(read->stubs[1].server.port == 5300);
  CHECK(read->anchor == "control/keys");
  CHECK(read->other_ports() == std::vector<std::uint16_t>{5300, 5301});
  CHECK(read->has_loopback_server());
  CHECK(read_of("-", "-", "none\n")->anchor == std::nullopt);
  CHECK(read_of("-", "-", "/etc/keys\n")->anchor == "/etc/keys");
  CHECK(read_of("-", "a.example ::1\n", "-")->has_loopback_server());
}

TEST_CASE("the word hosts asks nobody, and validates only where a stub could be asked") {
  auto const alone = read_of("hosts\n", "-", "-");
  REQUIRE(alone);
  CHECK(alone->is_hosts_only);
  CHECK_FALSE(alone->anchor);
  auto const with_stub = read_of("hosts\n", "example.org 192.0.2.1\n", "-");
  REQUIRE(with_stub);
  CHECK(with_stub->is_hosts_only);
  CHECK(with_stub->anchor);
}

TEST_CASE("a file that is wrong is named") {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "192.0.2.1\n";
  struct {
    std::string forward, stub, anchor;
    std::string_view named;
  } const cases[] = {
      {"hosts\n192.0.2.1\n", "-", "-", "control/dnsforward"},
      {"nonsense\n", "-", "-", "control/dnsforward"},
      {many, "-", "-", "control/dnsforward"},
      {"-", "example.org\n", "-", "control/dnsstub"},
      {"-", "example.org ns\n", "-", "control/dnsstub"},
      {"-", "exa\"mple.org 192.0.2.1\n", "-", "control/dnsstub"},
      {"-", ". 192.0.2.1\n", "-", "control/dnsstub"},
      {"-", "-", "../keys\n", "control/dnsanchor"},
      {"-", "-", "a/b\n", "control/dnsanchor"},
      {"-", "-", "\n", "control/dnsanchor"},
      {"-", "-", "/etc/a\"b\n", "control/dnsanchor"},
  };
  for (auto const& [forward, stub, anchor, named] : cases) {
    CAPTURE(forward, stub, anchor);
    auto const read = read_of(forward, stub, anchor);
    REQUIRE_FALSE(read);
    CHECK(read.error().is_permanent());
    CHECK(read.error().text().find(named) != std::string::npos);
  }
}
