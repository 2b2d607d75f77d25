// Tests of lib/mail/envelope: what is written is read, and nothing else is.
#include "lib/mail/envelope.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

Address address(std::string_view text) { return *Address::parse(Wire{text}); }

Envelope full_envelope() {
  Envelope envelope;
  envelope.origin = Origin::inbound;
  envelope.sender = address("me@here.example");
  envelope.recipients = {{address("you@there.example"), 0, {}, 0},
                         {address("\"a b,:\"@there.example"), notify_success | notify_delay, "rfc822;a b@old.example", 0},
                         {address("b\xc3\xbc@b\xc3\xbc.example"), notify_never, {}, 0}};
  envelope.envid = "id 17=+";
  envelope.ret = Return::headers;
  envelope.is_eight_bit = envelope.is_utf8 = envelope.is_junk = true;
  envelope.login = "alice";
  envelope.client = "2001:db8::1";
  envelope.helo = "client.example";
  envelope.protocol = "UTF8SMTPSA";
  envelope.tls = "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256";
  envelope.injector = 4'294'967'295u;
  envelope.header_lines = "Received: from x\n\tby y\nX: 1\n";
  return envelope;
}

}  // namespace

TEST_CASE("an envelope comes back as it was") {
  Envelope smallest;
  smallest.recipients = {{address("you@there.example"), 0, {}, 0}};
  for (const Envelope& envelope : {smallest, full_envelope()}) {
    std::string const text = envelope.encoded();
    auto const parsed = Envelope::parse(Wire{text});
    REQUIRE(parsed);
    CHECK(parsed->encoded() == text);
    CHECK(parsed->origin == envelope.origin);
    CHECK(parsed->sender == envelope.sender);
    CHECK(parsed->envid == envelope.envid);
    CHECK(parsed->ret == envelope.ret);
    CHECK(parsed->is_eight_bit == envelope.is_eight_bit);
    CHECK(parsed->is_utf8 == envelope.is_utf8);
    CHECK(parsed->is_junk == envelope.is_junk);
    CHECK(parsed->login == envelope.login);
    CHECK(parsed->client == envelope.client);
    CHECK(parsed->helo == envelope.helo);
    CHECK(parsed->protocol == envelope.protocol);
    CHECK(parsed->tls == envelope.tls);
    CHECK(parsed->injector == envelope.injector);
    CHECK(parsed->header_lines == envelope.header_lines);
    REQUIRE(parsed->recipients.size() == envelope.recipients.size());
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      CHECK(parsed->recipients[i].address == envelope.recipients[i].address);
      CHECK(parsed->recipients[i].notify == envelope.recipients[i].notify);
      CHECK(parsed->recipients[i].original == envelope.recipients[i].original);
      auto const alone = parse_recipient(Wire{std::string_view{text}.substr(parsed->recipients[i].offset)});
      REQUIRE(alone);
      CHECK(alone->address == envelope.recipients[i].address);
      CHECK(alone->notify == envelope.recipients[i].notify);
      CHECK(alone->original == envelope.recipients[i].original);
    }
  }
}

TEST_CASE("an envelope cut anywhere is another one or none") {
  std::string const text = full_envelope().encoded();
  for (std::size_t length = 0; length < text.size(); ++length) {
    auto const parsed = Envelope::parse(Wire{std::string_view{text}.substr(0, length)});
    if (parsed) CHECK(parsed->encoded() == text.substr(0, length));
  }
}

TEST_CASE("what is not an envelope is refused") {
  struct {
    std::string_view what;
    std::string text;
    bool good;
  } const cases[] = {
      {"the least", "s0:,r3:b@y,", true},
      {"with origin", "o1:l,s3:a@x,r3:b@y,", true},
      {"nothing", "", false},
      {"no recipient", "s0:,", false},
      {"no sender", "r3:b@y,", false},
      {"two senders", "s0:,s0:,r3:b@y,", false},
      {"two null recipients", "s0:,r0:,r3:b@y,", false},
      {"bad sender", "s1:a,r3:b@y,", false},
      {"bad recipient", "s0:,r3:b y,", false},
      {"unknown letter", "s0:,z0:,r3:b@y,", false},
      {"unknown origin", "o1:x,s0:,r3:b@y,", false},
      {"long origin", "o2:il,s0:,r3:b@y,", false},
      {"two origins", "o1:l,o1:i,s0:,r3:b@y,", false},
      {"unknown flag", "s0:,f1:x,r3:b@y,", false},
      {"two flag records", "s0:,f1:8,f1:u,r3:b@y,", false},
      {"no flags", "s0:,f0:,r3:b@y,", false},
      {"flag twice", "s0:,f2:88,r3:b@y,", false},
      {"unknown RET", "s0:,t1:x,r3:b@y,", false},
      {"two RET", "s0:,t1:f,t1:h,r3:b@y,", false},
      {"empty ENVID", "s0:,e0:,r3:b@y,", false},
      {"two ENVID", "s0:,e1:a,e1:b,r3:b@y,", false},
      {"ENVID with LF", "s0:,e1:\n,r3:b@y,", false},
      {"ENVID with NUL", std::string("s0:,e1:\0,r3:b@y,", 16), false},
      {"ENVID as long as may be", "s0:,e1024:" + std::string(1024, 'e') + ",r3:b@y,", true},
      {"ENVID too long", "s0:,e1025:" + std::string(1025, 'e') + ",r3:b@y,", false},
      {"two logins", "s0:,a1:a,a1:b,r3:b@y,", false},
      {"uid past 32 bits", "s0:,u10:4294967296,r3:b@y,", false},
      {"uid with zero in front", "s0:,u2:07,r3:b@y,", false},
      {"two uids", "s0:,u1:7,u1:8,r3:b@y,", false},
      {"uid 0 is not written", "s0:,u1:0,r3:b@y,", false},
      {"NOTIFY before a recipient", "s0:,n1:1,r3:b@y,", false},
      {"ORCPT before a recipient", "s0:,q1:x,r3:b@y,", false},
      {"NOTIFY never", "s0:,r3:b@y,n1:1,", true},
      {"NOTIFY all but never", "s0:,r3:b@y,n2:14,", true},
      {"NOTIFY never and more", "s0:,r3:b@y,n1:3,", false},
      {"NOTIFY of nothing", "s0:,r3:b@y,n1:0,", false},
      {"NOTIFY past its bits", "s0:,r3:b@y,n2:16,", false},
      {"NOTIFY with a zero in front", "s0:,r3:b@y,n2:02,", false},
      {"two NOTIFY", "s0:,r3:b@y,n1:2,n1:2,", false},
      {"two ORCPT", "s0:,r3:b@y,q1:x,q1:x,", false},
      {"empty ORCPT", "s0:,r3:b@y,q0:,", false},
      {"header lines without LF", "s0:,h4:A: b,r3:b@y,", false},
      {"header lines", "s0:,h5:A: b\n,r3:b@y,", true},
      {"no header lines", "s0:,h0:,r3:b@y,", false},
      {"two header lines", "s0:,h5:A: b\n,h5:A: b\n,r3:b@y,", false},
      {"something behind", "s0:,r3:b@y,\n", false},
      {"netstring cut", "s0:,r3:b@y", false},
  };
  for (auto const& [what, text, good] : cases) {
    INFO(what);
    auto const parsed = Envelope::parse(Wire{text});
    CHECK(parsed.has_value() == good);
    if (!parsed) CHECK(parsed.error().is_permanent());
  }
}

// Found by the fuzzer: whoever reads one recipient from its offset saw none of its parameters.
TEST_CASE("a parameter apart from its recipient is refused") {
  CHECK(Envelope::parse(Wire{"s0:,r5:a@b.c,n1:4,q3:x;y,"}));
  CHECK_FALSE(Envelope::parse(Wire{"r5:a@b.c,s0:,q3:x;y,"}));
  CHECK_FALSE(Envelope::parse(Wire{"r5:a@b.c,s0:,n1:4,"}));
  CHECK_FALSE(Envelope::parse(Wire{"s0:,r5:a@b.c,n1:4,f1:8,q3:x;y,"}));
}

TEST_CASE("an envelope has an end") {
  Envelope envelope;
  std::string const local(60, 'r');
  for (int i = 0; i < 60'000; ++i) envelope.recipients.push_back({address(local + "@example.org"), 0, {}, 0});
  std::string const text = envelope.encoded();
  REQUIRE(text.size() > longest_envelope);
  CHECK_FALSE(Envelope::parse(Wire{text}));
  envelope.recipients.erase(envelope.recipients.begin() + 50'000, envelope.recipients.end());
  std::string const shorter = envelope.encoded();
  CHECK(Envelope::parse(Wire{shorter})->recipients.size() == 50'000);
}

TEST_CASE("one recipient is read from where it starts") {
  CHECK(parse_recipient(Wire{"r3:b@y,n1:2,r3:c@y,n1:4,"})->notify == notify_success);
  CHECK(parse_recipient(Wire{"r3:b@y,n1:2,q3:a b"})->original.empty());  // cut off by the reader's room
  CHECK_FALSE(parse_recipient(Wire{"n1:2,"}));
  CHECK_FALSE(parse_recipient(Wire{"s3:b@y,"}));
  CHECK_FALSE(parse_recipient(Wire{"r0:,"}));
  CHECK_FALSE(parse_recipient(Wire{""}));
}

TEST_CASE("header lines are fields and nothing but") {
  struct {
    std::string text;
    bool good;
  } const cases[] = {
      {"", true},
      {"A: b\n", true},
      {"A:b\n", true},
      {"A:\n", true},
      {"A: b\n c\n\td\nB: e\n", true},
      {"A: \xc3\xbc\n", true},
      {"A: " + std::string(longest_header_lines - 4, 'x') + "\n", true},
      {"A: " + std::string(longest_header_lines - 3, 'x') + "\n", false},
      {"A: b", false},
      {"\n", false},
      {"A: b\n\n", false},
      {"A: b\n \n", false},
      {"A: b\n\nB: c\n", false},
      {" A: b\n", false},
      {"A b\n", false},
      {"A b: c\n", false},
      {": b\n", false},
      {"A: b\r\n", false},
      {"A: b\rB: c\n", false},
      {std::string("A: \0\n", 5), false},
      {"\xc3\xbc: b\n", false},
  };
  for (auto const& [text, good] : cases) {
    INFO(text.substr(0, 40));
    CHECK(are_header_lines(text) == good);
  }
}
