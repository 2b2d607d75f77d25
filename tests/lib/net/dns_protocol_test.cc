// Tests of lib/net/dns_protocol: records come back as they were; names and bounds that do not hold are refused.
#include "lib/net/dns_protocol.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

std::string_view body_of(const std::string& record) {
  REQUIRE(record.size() > record_head);
  return std::string_view{record}.substr(record_head);
}

DnsAnswer found() {
  DnsAnswer answer;
  answer.status = DnsStatus::found;
  answer.canonical = "mx.example.org";
  answer.ttl = 300;
  return answer;
}

IpAddress address(const char* text) { return *IpAddress::parse(Wire{text}); }

}  // namespace

TEST_CASE("names that can be asked for") {
  struct {
    std::string name;
    bool good;
    std::string asked;
  } const cases[] = {
      {"example.org", true, "example.org"},
      {"EXAMPLE.Org.", true, "example.org"},
      {"_25._tcp.mx.example.org", true, "_25._tcp.mx.example.org"},
      {"user+tag@x;y._spf.example", true, "user+tag@x;y._spf.example"},
      {std::string(63, 'a') + ".b", true, std::string(63, 'a') + ".b"},
      {std::string(64, 'a') + ".b", false, ""},
      {"", false, ""},
      {".", false, ""},
      {"..", false, ""},
      {"a..b", false, ""},
      {".a", false, ""},
      {"a..", false, ""},
      {"a b", false, ""},
      {"a\\046b", false, ""},
      {std::string("a\0b", 3), false, ""},
      {"b\xc3\xbc"
       "cher.example",
       false, ""},
  };
  for (auto const& [name, good, asked] : cases) {
    CAPTURE(name);
    auto const question = DnsQuestion::make(9, DnsType::mx, name);
    REQUIRE(question.has_value() == good);
    if (!good) continue;
    CHECK(question->name == asked);
    std::string const record = question->encoded();
    auto const again = DnsQuestion::parse(Wire{body_of(record)});
    REQUIRE(again);
    CHECK(*again == *question);
  }
  std::string labels;
  while (labels.size() < 252) labels += "a.";
  CHECK(DnsQuestion::make(1, DnsType::a, labels + "b"));
  CHECK_FALSE(DnsQuestion::make(1, DnsType::a, labels + "bb"));
}

TEST_CASE("questions that are none are refused") {
  for (const char* const body :
       {"", "Q", "A1:1,2:15,1:a,", "Q1:1,2:15,1:A,", "Q1:1,2:15,1:a,x", "Q1:1,1:2,1:a,", "Q1:1,5:65536,1:a,",
        "Q10:4294967296,2:15,1:a,", "Q1:1,2:15,2:a.,", "Q1:1,2:15,0:,", "Q1:-,2:15,1:a,"}) {
    CAPTURE(body);
    CHECK_FALSE(DnsQuestion::parse(Wire{body}));
  }
  std::string const long_one = "Q1:1,2:15,500:" + std::string(500, 'a') + ",";
  CHECK_FALSE(DnsQuestion::parse(Wire{long_one}));
}

TEST_CASE("answers come back as they were") {
  DnsAnswer every = found();
  every.is_secure = true;
  every.left_out = 3;
  every.addresses = {address("192.0.2.1"), address("2001:db8::1")};
  every.mx = {{10, "mx1.example.org"}, {0, "."}, {65535, "_under-score.example.org"}};
  every.texts = {"v=spf1 -all", "", std::string("\0\n,5:\xff", 6)};
  every.names = {"host.example.org", "a\\000b\\.c.example"};
  every.tlsa = {{3, 1, 1, std::string(32, '\0')}};
  DnsAnswer forged;
  forged.status = DnsStatus::bogus;
  forged.why = "signature expired";
  DnsAnswer no_name;
  no_name.status = DnsStatus::no_name;
  no_name.is_secure = true;
  for (auto const& answer : {every, forged, no_name, DnsAnswer{}}) {
    std::string const record = answer.encoded(4'294'967'295u);
    auto const again = DnsAnswer::parse(Wire{body_of(record)});
    REQUIRE(again);
    CHECK(*again == answer);
    auto const number = dns_answer_number(Wire{body_of(record)});
    REQUIRE(number);
    CHECK(*number == 4'294'967'295u);
  }
}

TEST_CASE("an answer beyond the bounds is one that failed") {
  DnsAnswer most = found();
  for (std::size_t i = 0; i < dns_records_most; ++i) most.addresses.push_back(address("192.0.2.1"));
  CHECK(DnsAnswer::parse(Wire{body_of(most.encoded(1))})->status == DnsStatus::found);
  most.addresses.push_back(address("192.0.2.2"));
  DnsAnswer longest = found();
  longest.texts = {std::string(dns_record_bytes_most, 'x')};
  std::string const longest_record = longest.encoded(1);
  CHECK(DnsAnswer::parse(Wire{body_of(longest_record)})->texts == longest.texts);
  longest.texts.front() += 'x';
  for (auto const& answer : {most, longest}) {
    std::string const record = answer.encoded(1);
    auto const again = DnsAnswer::parse(Wire{body_of(record)});
    REQUIRE(again);
    CHECK(again->status == DnsStatus::failed);
    CHECK(again->texts.empty());
    CHECK_FALSE(again->why.empty());
  }
}

TEST_CASE("reasons are cleaned and cut") {
  DnsAnswer answer;
  answer.why = "a\x1b[2J\n" + std::string(1000, 'x');
  std::string const record = answer.encoded(1);
  auto const again = DnsAnswer::parse(Wire{body_of(record)});
  REQUIRE(again);
  CHECK(again->why.substr(0, 8) == "a?[2J?xx");
  CHECK(again->why.size() == report_text_most);
}

TEST_CASE("answers that are none are refused") {
  std::string const head = "A1:1,1:F,0:,3:300,1:a,0:,1:0,";
  CHECK(DnsAnswer::parse(Wire{head}));
  std::string const cases[] = {
      "",
      "A",
      "A1:1,1:f,0:,3:300,1:a,0:,1:0,",
      "A1:1,2:FF,0:,3:300,1:a,0:,1:0,",
      "A1:1,0:,0:,3:300,1:a,0:,1:0,",
      "A1:1,1:F,1:s,3:300,1:a,0:,1:0,",
      "A1:1,1:F,0:,3:-30,1:a,0:,1:0,",
      "A1:1,1:F,0:,3:300,1:A,0:,1:0,",
      "A1:1,1:F,0:,3:300,1: ,0:,1:0,",
      "A1:1,1:F,0:,3:300,1:a,1:\n,1:0,",
      "A1:1,1:X,0:,3:300,1:a,0:,1:0,2:Ta,",  // records of what is not there
      head + "0:,",
      head + "1:A,",
      head + "2:Zx,",
      head + "7:M10 a b,",
      head + "5:M10 a",
      head + "7:M10 a..,",
      head + "7:M-1 a.b,",
      head + "9:M65536 a.,",
      head + "6:M10 A.,",
      head + "2:M.,",
      head + "1:N,",
      head + "3:Na ,",
      head + "4:L\1\1\1,",
      head + "x",
  };
  for (auto const& body : cases) {
    CAPTURE(body);
    CHECK_FALSE(DnsAnswer::parse(Wire{body}));
  }
}

TEST_CASE("where the PTR records of an address are") {
  CHECK(reverse_name(address("192.0.2.1")) == "1.2.0.192.in-addr.arpa");
  CHECK(reverse_name(address("2001:db8::1")) == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST_CASE("types have names") {
  CHECK(dns_type_of("MX") == DnsType::mx);
  CHECK(dns_type_of("tlsa") == DnsType::tlsa);
  CHECK_FALSE(dns_type_of("ns"));
  CHECK_FALSE(dns_type_of(""));
  CHECK(dns_type_name(DnsType::aaaa) == "aaaa");
}
