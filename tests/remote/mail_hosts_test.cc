// Tests of remote/mail_hosts: each rule of RFC 5321 §5.1 and RFC 7505 a row, with DNS played by a table.
#include "remote/mail_hosts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace postern;

namespace {

// "mx example.org" → "10 a.example, 20 b.example"; "a a.example" → "192.0.2.1, 192.0.2.2"; "!none", "!failed", "!bogus".
// What is not there has no data.
using Zone = std::map<std::string, std::string>;

std::vector<std::string> items(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end = std::min(text.find(", ", at), text.size());
    found.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  return found;
}

class Table final : public Resolver {
 public:
  explicit Table(Zone zone) : zone_(std::move(zone)) {}

  Result<std::vector<DnsAnswer>> ask(std::span<const Question> questions, Deadline) override {
    std::vector<DnsAnswer> answers;
    for (auto const& [type, name] : questions)
      answers.push_back(answer(type, zone_[std::string{dns_type_name(type)} + " " + name]));
    if (zone_.contains("dnsqd")) return temporary("dnsqd is away");
    return answers;
  }

 private:
  static DnsAnswer answer(DnsType type, const std::string& text) {
    DnsAnswer answer;
    answer.status = text.empty()        ? DnsStatus::no_data
                    : text == "!none"   ? DnsStatus::no_name
                    : text == "!failed" ? DnsStatus::failed
                    : text == "!bogus"  ? DnsStatus::bogus
                                        : DnsStatus::found;
    if (answer.status != DnsStatus::found || text == "!unusable") return answer;
    for (const std::string& item : items(text)) {
      std::size_t const blank = item.find(' ');
      if (type == DnsType::mx)
        answer.mx.push_back({static_cast<std::uint16_t>(std::stoi(item)), item.substr(blank + 1)});
      else
        answer.addresses.push_back(*IpAddress::parse(Wire{item}));
    }
    return answer;
  }
  Zone zone_;
};

OwnHost own_host() {
  return {{"me.example", "helo.example"}, {*IpAddress::parse(Wire{"192.0.2.99"}), *IpAddress::parse(Wire{"2001:db8::99"})}};
}

MailHosts find(std::string_view destination, const Zone& zone) {
  Table table{zone};
  return find_mail_hosts(*Destination::parse(Wire{destination}), own_host(), table, Deadline::in(1s));
}

// "a.example 192.0.2.1, a.example 192.0.2.2", or "failed 5.1.2 ...".
std::string text_of(const MailHosts& found) {
  if (found.hosts.empty()) return (found.outcome == Outcome::failed ? "failed " : "deferred ") + found.why;
  std::string text;
  for (const MailHost& host : found.hosts) text += (text.empty() ? "" : ", ") + host.name + " " + host.address.text();
  return text;
}

}  // namespace

TEST_CASE("which hosts take a destination's mail") {
  struct {
    const char* what;
    const char* destination;
    Zone zone;
    const char* found;  // or its beginning, when nothing is found
  } const cases[] = {
      {"one MX", "x.example", {{"mx x.example", "10 a.example"}, {"a a.example", "192.0.2.1"}}, "a.example 192.0.2.1"},
      {"the lowest preference first",
       "x.example",
       {{"mx x.example", "20 b.example, 5 a.example, 0 c.example"},
        {"a a.example", "192.0.2.1"},
        {"a b.example", "192.0.2.2"},
        {"a c.example", "192.0.2.3"}},
       "c.example 192.0.2.3, a.example 192.0.2.1, b.example 192.0.2.2"},
      {"65535 is a preference",
       "x.example",
       {{"mx x.example", "65535 a.example"}, {"a a.example", "192.0.2.1"}},
       "a.example 192.0.2.1"},
      {"the same host twice is one, at its better preference",
       "x.example",
       {{"mx x.example", "30 a.example, 20 b.example, 10 a.example"}, {"a a.example", "192.0.2.1"}, {"a b.example", "192.0.2.2"}},
       "a.example 192.0.2.1, b.example 192.0.2.2"},
      {"IPv6 and IPv4 in turn",
       "x.example",
       {{"mx x.example", "10 a.example, 20 b.example"},
        {"a a.example", "192.0.2.1"},
        {"aaaa a.example", "2001:db8::1"},
        {"aaaa b.example", "2001:db8::2"}},
       "a.example 2001:db8::1, a.example 192.0.2.1, b.example 2001:db8::2"},
      {"a host without an address is passed over",
       "x.example",
       {{"mx x.example", "10 a.example, 20 b.example"},
        {"a a.example", "!none"},
        {"aaaa a.example", "!none"},
        {"a b.example", "192.0.2.2"}},
       "b.example 192.0.2.2"},
      {"without an MX the domain's own addresses",
       "x.example",
       {{"a x.example", "192.0.2.1"}, {"aaaa x.example", "2001:db8::1"}},
       "x.example 2001:db8::1, x.example 192.0.2.1"},
      {"with an MX never the domain's own addresses",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"a x.example", "192.0.2.1"}},
       "failed 5.4.4 x.example: none of its MX hosts has an address"},
      {"MX records that name no host",
       "x.example",
       {{"mx x.example", "!unusable"}, {"a x.example", "192.0.2.1"}},
       "failed 5.4.4 x.example: "},
      {"no such domain", "x.example", {{"mx x.example", "!none"}}, "failed 5.1.2 x.example: there is no such domain"},
      {"neither MX nor address", "x.example", {}, "failed 5.1.2 x.example: "},
      {"the MX question fails",
       "x.example",
       {{"mx x.example", "!failed"}, {"a x.example", "192.0.2.1"}},
       "deferred 4.4.3 x.example: "},
      {"the MX answer is forged",
       "x.example",
       {{"mx x.example", "!bogus"}, {"a x.example", "192.0.2.1"}},
       "deferred 4.4.3 x.example: DNS gives forged"},
      {"the addresses fail",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"a a.example", "!failed"}},
       "deferred 4.4.3 a.example: "},
      {"one family fails, the other is there",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"aaaa a.example", "!failed"}, {"a a.example", "192.0.2.1"}},
       "a.example 192.0.2.1"},
      {"one family does not exist, the other fails", "x.example", {{"a x.example", "!failed"}}, "deferred 4.4.3 x.example: "},
      {"dnsqd is away", "x.example", {{"dnsqd", ""}}, "deferred 4.3.0 x.example: cannot ask DNS: dnsqd is away"},
      {"null MX", "x.example", {{"mx x.example", "0 ."}, {"a x.example", "192.0.2.1"}}, "failed 5.1.10 x.example: "},
      {"null MX beside another means nothing",
       "x.example",
       {{"mx x.example", "0 ., 10 a.example"}, {"a a.example", "192.0.2.1"}},
       "a.example 192.0.2.1"},
      {"this host by address, and what is worse, is left out",
       "x.example",
       {{"mx x.example", "10 a.example, 20 b.example, 20 c.example, 30 d.example"},
        {"a a.example", "192.0.2.1"},
        {"a b.example", "192.0.2.2, 192.0.2.99"},
        {"a c.example", "192.0.2.3"},
        {"a d.example", "192.0.2.4"}},
       "a.example 192.0.2.1"},
      {"this host by IPv6 address",
       "x.example",
       {{"mx x.example", "10 a.example, 20 b.example"}, {"a a.example", "192.0.2.1"}, {"aaaa b.example", "2001:db8::99"}},
       "a.example 192.0.2.1"},
      {"this host by name, wherever its name leads",
       "x.example",
       {{"mx x.example", "10 a.example, 20 me.example, 30 b.example"},
        {"a a.example", "192.0.2.1"},
        {"a me.example", "192.0.2.50"},
        {"a b.example", "192.0.2.2"}},
       "a.example 192.0.2.1"},
      {"this host by the name of helohost",
       "x.example",
       {{"mx x.example", "10 a.example, 20 helo.example"}, {"a a.example", "192.0.2.1"}},
       "a.example 192.0.2.1"},
      {"this host is the best",
       "x.example",
       {{"mx x.example", "10 me.example, 20 a.example"}, {"a a.example", "192.0.2.1"}},
       "failed 5.4.6 x.example: "},
      {"another one is as good as this host",
       "x.example",
       {{"mx x.example", "10 me.example, 10 a.example"}, {"a a.example", "192.0.2.1"}},
       "failed 5.4.6 x.example: "},
      {"127.0.0.1 is this host",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"a a.example", "127.0.0.1"}},
       "failed 5.4.6 x.example: "},
      {"127.0.0.2 is another",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"a a.example", "127.0.0.2"}},
       "a.example 127.0.0.2"},
      {"::1 is this host",
       "x.example",
       {{"mx x.example", "10 a.example"}, {"aaaa a.example", "::1"}},
       "failed 5.4.6 x.example: "},
      {"0.0.0.0 is this host", "x.example", {{"a x.example", "0.0.0.0"}}, "failed 5.4.6 x.example: "},
      {":: is this host", "x.example", {{"aaaa x.example", "::"}}, "failed 5.4.6 x.example: "},
      {"an IPv4 address wrapped in IPv6 is that address",
       "x.example",
       {{"aaaa x.example", "::ffff:127.0.0.1"}},
       "failed 5.4.6 x.example: "},
      {"a domain without MX that is this host", "me.example", {{"a me.example", "192.0.2.1"}}, "failed 5.4.6 me.example: "},
      {"of a domain held for it, no better host has an address",
       "x.example",
       {{"mx x.example", "10 a.example, 20 me.example"}, {"a a.example", "!none"}, {"aaaa a.example", "!none"}},
       "deferred 4.4.4 x.example: "},
      {"of a domain held for it, the better host's address fails",
       "x.example",
       {{"mx x.example", "10 a.example, 20 me.example"}, {"a a.example", "!failed"}},
       "deferred 4.4.3 a.example: "},
      {"an IPv4 literal", "[192.0.2.7]", {}, "[192.0.2.7] 192.0.2.7"},
      {"an IPv6 literal", "[IPv6:2001:db8::7]", {}, "[ipv6:2001:db8::7] 2001:db8::7"},
      {"a literal that is this host", "[192.0.2.99]", {}, "failed 5.4.6 [192.0.2.99]: "},
      {"a literal that is this host, whatever it says", "[127.0.0.1]", {}, "failed 5.4.6 [127.0.0.1]: "},
      {"a literal of another kind", "[x400:c=de]", {}, "failed 5.1.2 [x400:c=de]: "},
      {"a relay: its addresses, no MX",
       "r.example:587",
       {{"mx r.example", "10 a.example"}, {"a r.example", "192.0.2.1"}},
       "r.example 192.0.2.1"},
      {"a relay on this host", "r.example:587", {{"a r.example", "127.0.0.1"}}, "r.example 127.0.0.1"},
      {"a relay by this host's name", "me.example:2525", {{"a me.example", "192.0.2.99"}}, "me.example 192.0.2.99"},
      {"a relay by address", "[127.0.0.1]:2525", {}, "[127.0.0.1] 127.0.0.1"},
      {"a relay that has no address waits for the operator",
       "r.example:587",
       {{"a r.example", "!none"}},
       "deferred 4.4.3 r.example: "},
      {"U-labels are asked for as A-labels",
       "m\xc3\xbcller.example",
       {{"mx xn--mller-kva.example", "10 a.example"}, {"a a.example", "192.0.2.1"}},
       "a.example 192.0.2.1"},
      {"U-labels that no A-labels stand for", "\xe2\x80\x8f.example", {}, "failed 5.1.2 "},
  };
  for (auto const& [what, destination, zone, expected] : cases) {
    CAPTURE(what);
    MailHosts const found = find(destination, zone);
    std::string const text = text_of(found);
    if (found.hosts.empty())
      CHECK(text.substr(0, std::string_view{expected}.size()) == expected);
    else
      CHECK(text == expected);
  }
}

TEST_CASE("hosts of one preference come in any order, all of them before the next") {
  Zone const zone{{"mx x.example", "10 a.example, 10 b.example, 10 c.example, 20 d.example"},
                  {"a a.example", "192.0.2.1"},
                  {"a b.example", "192.0.2.2"},
                  {"a c.example", "192.0.2.3"},
                  {"a d.example", "192.0.2.4"}};
  std::map<std::string, int> first;
  for (int round = 0; round < 600; ++round) {
    MailHosts const found = find("x.example", zone);
    REQUIRE(found.hosts.size() == 4);
    CHECK(found.hosts.back().name == "d.example");
    ++first[found.hosts.front().name];
  }
  REQUIRE(first.size() == 3);
  for (auto const& [name, count] : first) CHECK(count > 100);
}

TEST_CASE("addresses of one host come in any order, families in turn") {
  Zone const zone{{"a x.example", "192.0.2.1, 192.0.2.2, 192.0.2.3"}, {"aaaa x.example", "2001:db8::1, 2001:db8::2"}};
  std::set<std::string> orders;
  for (int round = 0; round < 300; ++round) {
    MailHosts const found = find("x.example", zone);
    REQUIRE(found.hosts.size() == 5);
    for (std::size_t at = 0; at < 5; ++at) CHECK(found.hosts[at].address.is_v4() == (at % 2 == 1 || at == 4));
    orders.insert(text_of(found));
  }
  CHECK(orders.size() == 12);
}

TEST_CASE("of very many hosts and addresses the best are tried") {
  Zone zone;
  for (int i = 0; i < 100; ++i) {
    std::string const name = "h" + std::to_string(i) + ".example";
    zone["mx x.example"] += (i ? ", " : "") + std::to_string(i) + " " + name;
    for (int j = 0; j < 50; ++j)
      zone["a " + name] += (j ? ", " : "") + std::string{"192.0."} + std::to_string(i) + "." + std::to_string(j);
  }
  MailHosts const found = find("x.example", zone);
  REQUIRE(found.hosts.size() == most_mail_hosts * most_host_addresses);
  CHECK(found.hosts.front().name == "h0.example");
  CHECK(found.hosts.back().name == "h" + std::to_string(most_mail_hosts - 1) + ".example");
}

TEST_CASE("it is known whether these are all hosts that there are") {
  Zone const zone{{"mx x.example", "10 a.example, 20 b.example"}, {"a a.example", "!failed"}, {"a b.example", "192.0.2.2"}};
  CHECK_FALSE(find("x.example", zone).are_all);
  Zone const whole{{"mx x.example", "10 a.example"}, {"a a.example", "192.0.2.1"}};
  CHECK(find("x.example", whole).are_all);
  CHECK(find("x.example", whole).blame == Blame::destination);
  CHECK(find("x.example", {{"dnsqd", ""}}).blame == Blame::message);
}

TEST_CASE("this host's addresses are found") {
  auto const addresses = own_addresses();
  REQUIRE(addresses);
  CHECK(std::find(addresses->begin(), addresses->end(), *IpAddress::parse(Wire{"127.0.0.1"})) != addresses->end());
}
