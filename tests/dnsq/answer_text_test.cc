// Tests of dnsq/answer_text: what strangers wrote steers no terminal and breaks no JSON.
#include "dnsq/answer_text.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

DnsQuestion question(DnsType type) { return *DnsQuestion::make(1, type, "example.org"); }

DnsAnswer found() {
  DnsAnswer answer;
  answer.status = DnsStatus::found;
  answer.canonical = "example.org";
  answer.ttl = 300;
  return answer;
}

}  // namespace

TEST_CASE("bytes of texts stand in quotes") {
  CHECK(quoted_text("v=spf1 -all") == "\"v=spf1 -all\"");
  CHECK(quoted_text("\x1b[2J\"\\\n\xff") == "\"\\x1b[2J\\x22\\x5c\\x0a\\xff\"");
}

TEST_CASE("an answer for a person") {
  DnsAnswer answer = found();
  answer.is_secure = true;
  answer.mx = {{10, "mx.example.org"}, {0, "."}};
  CHECK(text_of_answer(question(DnsType::mx), answer) ==
        "example.org mx: found, validated, good for 300 s\n"
        "  10 mx.example.org\n"
        "  0 .\n");
  DnsAnswer other = found();
  other.canonical = "a\\000b.example";
  other.left_out = 2;
  other.tlsa = {{3, 1, 1, "\xab\x01"}};
  CHECK(text_of_answer(question(DnsType::tlsa), other) ==
        "example.org tlsa: found, not validated, good for 300 s, by its name a\\000b.example, without 2 that cannot be used\n"
        "  3 1 1 ab01\n");
  DnsAnswer forged;
  forged.status = DnsStatus::bogus;
  forged.why = "signature expired";
  CHECK(text_of_answer(question(DnsType::a), forged) == "example.org a: bogus: signature expired\n");
}

TEST_CASE("an answer for a program") {
  DnsAnswer answer = found();
  answer.texts = {std::string("a\0\x1b\"", 4), "\xff", "b\xc3\xbc"};
  CHECK(json_of_answer(question(DnsType::txt), answer) ==
        "{\"name\": \"example.org\", \"type\": \"txt\", \"status\": \"found\", \"validated\": false, \"ttl\": 300, "
        "\"canonical\": \"example.org\", "
        "\"why\": \"\", \"left_out\": 0, \"records\": [\"a\\u0000\\u001b\\\"\", \"\\u00ff\", \"b\xc3\xbc\"]}\n");
}
