// Tests of dnsq/packet_answer: messages built byte by byte, and what they come to.
#include "dnsq/packet_answer.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

using Bytes = std::vector<unsigned char>;

constexpr unsigned a = 1, cname = 5, soa = 6, ptr = 12, mx = 15, txt = 16, aaaa = 28, rrsig = 46, tlsa = 52;

Bytes wire_name(std::string_view name) {
  Bytes bytes;
  while (!name.empty()) {
    std::size_t const end = std::min(name.find('.'), name.size());
    bytes.push_back(static_cast<unsigned char>(end));
    for (char const c : name.substr(0, end)) bytes.push_back(static_cast<unsigned char>(c));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  bytes.push_back(0);
  return bytes;
}

Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

// A message of answers and authorities to a question for example.org.
class Message {
 public:
  explicit Message(unsigned rcode = 0) : head_{0, 0, 0x81, static_cast<unsigned char>(0x80 | rcode), 0, 1, 0, 0, 0, 0, 0, 0} {}
  Message& answer(std::string_view owner, unsigned type, const Bytes& data, unsigned ttl = 300) {
    return add(7, owner, type, data, ttl);
  }
  Message& authority(std::string_view owner, unsigned type, const Bytes& data, unsigned ttl) {
    return add(9, owner, type, data, ttl);
  }
  Bytes bytes() const { return head_ + wire_name("example.org") + Bytes{0, 1, 0, 1} + records_; }
  DnsAnswer read(DnsType type, std::string_view name = "example.org") const {
    Bytes const all = bytes();
    return answer_of_packet(*DnsQuestion::make(1, type, name), all);
  }

 private:
  Message& add(std::size_t counter, std::string_view owner, unsigned type, const Bytes& data, unsigned ttl) {
    ++head_[counter];
    auto const byte = [](std::size_t value) { return static_cast<unsigned char>(value); };
    records_ = records_ + wire_name(owner) + Bytes{0,
                                                   byte(type),
                                                   0,
                                                   1,
                                                   byte(ttl >> 24),
                                                   byte(ttl >> 16),
                                                   byte(ttl >> 8),
                                                   byte(ttl),
                                                   byte(data.size() >> 8),
                                                   byte(data.size())} +
               data;
    return *this;
  }
  Bytes head_, records_;
};

Bytes soa_data(unsigned char minimum) {
  return wire_name("ns.example.org") + wire_name("root.example.org") + Bytes(16, 0) + Bytes{0, 0, 0, minimum};
}

}  // namespace

TEST_CASE("names become text that is harmless and in lower case") {
  CHECK(escaped_name(wire_name("Example.ORG")) == "example.org");
  CHECK(escaped_name(Bytes{0}) == ".");
  CHECK(escaped_name(Bytes{5, 'a', '.', 'b', '\\', 0, 1, 0xff, 0}) == "a\\.b\\\\\\000.\\255");
  CHECK(escaped_name(Bytes{3, ' ', '\n', '"', 0}) == "\\032\\010\"");
  CHECK(escaped_name(Bytes{5, 'a'}) == "a");  // cut short
}

TEST_CASE("each type gives its records") {
  DnsAnswer const four =
      Message{}.answer("example.org", a, {192, 0, 2, 1}, 60).answer("EXAMPLE.org", a, {192, 0, 2, 2}).read(DnsType::a);
  CHECK(four.status == DnsStatus::found);
  CHECK(four.ttl == 60);
  CHECK(four.canonical == "example.org");
  REQUIRE(four.addresses.size() == 2);
  CHECK(four.addresses[1].text() == "192.0.2.2");

  DnsAnswer const six =
      Message{}.answer("example.org", aaaa, Bytes{0x20, 1, 0xd, 0xb8} + Bytes(11, 0) + Bytes{1}).read(DnsType::aaaa);
  REQUIRE(six.addresses.size() == 1);
  CHECK(six.addresses[0].text() == "2001:db8::1");

  DnsAnswer const hosts = Message{}
                              .answer("example.org", mx, Bytes{0, 10} + wire_name("MX.example.org"))
                              .answer("example.org", mx, {1, 0, 0})
                              .read(DnsType::mx);
  CHECK(hosts.mx == std::vector<DnsMx>{{10, "mx.example.org"}, {256, "."}});

  DnsAnswer const texts =
      Message{}.answer("example.org", txt, {2, 'a', 0, 0, 1, 0xff}).answer("example.org", txt, {0}).read(DnsType::txt);
  CHECK(texts.texts == std::vector<std::string>{std::string("a\0\xff", 3), ""});

  DnsAnswer const names = Message{}.answer("example.org", ptr, wire_name("Host.example")).read(DnsType::ptr);
  CHECK(names.names == std::vector<std::string>{"host.example"});

  DnsAnswer const target = Message{}.answer("example.org", cname, wire_name("other.example")).read(DnsType::cname);
  CHECK(target.names == std::vector<std::string>{"other.example"});
  CHECK(target.canonical == "example.org");

  DnsAnswer const keys = Message{}.answer("example.org", tlsa, {3, 1, 1, 0xab}).read(DnsType::tlsa);
  CHECK(keys.tlsa == std::vector<DnsTlsa>{{3, 1, 1, "\xab"}});
}

TEST_CASE("records that cannot be used are left out and counted") {
  struct {
    const char* what;
    DnsType type;
    Bytes data;
  } const cases[] = {
      {"an address of three bytes", DnsType::a, {1, 2, 3}},
      {"an IPv6 address of four", DnsType::aaaa, {1, 2, 3, 4}},
      {"an MX without a host", DnsType::mx, {0, 10}},
      {"an MX of one byte", DnsType::mx, {0}},
      {"an MX whose host has a blank", DnsType::mx, Bytes{0, 10} + wire_name("a b.example")},
      {"an MX whose host ends the shell's word", DnsType::mx, Bytes{0, 10} + wire_name("$(id);.example")},
      {"an MX whose host has a NUL", DnsType::mx, Bytes{0, 10, 3, 'a', 0, 'b', 0}},
      {"an MX whose host points beyond the message", DnsType::mx, {0, 10, 0xff, 0xff}},
      {"an MX whose host does not end", DnsType::mx, {0, 10, 63, 'a'}},
      {"a text that is longer than it is", DnsType::txt, {5, 'a'}},
      {"a PTR that is no host", DnsType::ptr, wire_name("a b")},
      {"a PTR to the root", DnsType::ptr, {0}},
      {"a TLSA without data", DnsType::tlsa, {3, 1, 1}},
      {"a TLSA of too much", DnsType::tlsa, Bytes(4100, 1)},
  };
  for (auto const& [what, type, data] : cases) {
    INFO(what);
    DnsAnswer const answer = Message{}.answer("example.org", static_cast<unsigned>(type), data).read(type);
    CHECK(answer.status == DnsStatus::found);
    CHECK(answer.left_out == 1);
    CHECK(answer.addresses.size() + answer.mx.size() + answer.texts.size() + answer.names.size() + answer.tlsa.size() == 0);
    std::string const record = answer.encoded(1);
    CHECK(DnsAnswer::parse(Wire{std::string_view{record}.substr(record_head)}));
  }
}

TEST_CASE("CNAMEs are followed as far as the message goes") {
  Message const chain = Message{}
                            .answer("example.org", cname, wire_name("b.example"), 100)
                            .answer("b.example", cname, wire_name("c.example"))
                            .answer("c.example", a, {192, 0, 2, 1}, 50);
  DnsAnswer const answer = chain.read(DnsType::a);
  CHECK(answer.status == DnsStatus::found);
  CHECK(answer.canonical == "c.example");
  CHECK(answer.ttl == 50);
  DnsAnswer const to_nothing = Message{}.answer("example.org", cname, wire_name("b.example"), 100).read(DnsType::a);
  CHECK(to_nothing.status == DnsStatus::no_data);
  CHECK(to_nothing.canonical == "b.example");
  DnsAnswer const to_no_name = Message{3}.answer("example.org", cname, wire_name("b.example")).read(DnsType::a);
  CHECK(to_no_name.status == DnsStatus::no_name);
  Message const loop =
      Message{}.answer("example.org", cname, wire_name("b.example")).answer("b.example", cname, wire_name("example.org"));
  CHECK(loop.read(DnsType::a).status == DnsStatus::failed);
}

TEST_CASE("records of other names and types do not count") {
  DnsAnswer const answer = Message{}
                               .answer("evil.example", a, {192, 0, 2, 66})
                               .answer("example.org", rrsig, Bytes(30, 1))
                               .answer("example.org", mx, Bytes{0, 10} + wire_name("mx.example"))
                               .read(DnsType::a);
  CHECK(answer.status == DnsStatus::no_data);
  CHECK(answer.addresses.empty());
}

TEST_CASE("a no holds as long as the zone says") {
  CHECK(Message{3}.authority("example.org", soa, soa_data(60), 300).read(DnsType::a).ttl == 60);
  CHECK(Message{3}.authority("example.org", soa, soa_data(60), 30).read(DnsType::a).ttl == 30);
  CHECK(Message{3}.read(DnsType::a).ttl == 0);
  CHECK(Message{0}.authority("example.org", soa, soa_data(60), 300).read(DnsType::a).status == DnsStatus::no_data);
}

TEST_CASE("what cannot be read has failed") {
  for (unsigned const rcode : {1u, 2u, 4u, 5u, 15u}) CHECK(Message{rcode}.read(DnsType::a).status == DnsStatus::failed);
  Bytes const whole = Message{}.answer("example.org", a, {192, 0, 2, 1}).bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    DnsAnswer const answer = answer_of_packet(*DnsQuestion::make(1, DnsType::a, "example.org"), std::span{whole}.first(length));
    CHECK(answer.status == DnsStatus::failed);
    CHECK_FALSE(answer.why.empty());
  }
}
