#include "queue/injection_rights.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

Envelope plain(Origin origin) {
  Envelope envelope;
  envelope.origin = origin;
  if (origin != Origin::bounce) envelope.sender = *Address::parse(Wire{"me@here.example"});
  if (origin == Origin::submission) envelope.login = "me";
  envelope.recipients.push_back({*Address::parse(Wire{"you@there.example"}), 0, {}, 0});
  return envelope;
}

struct Who {
  std::optional<Account> account;
  Origin origin;
};
constexpr Who everybody[] = {
    {Account::smtp, Origin::inbound}, {Account::submit, Origin::submission}, {Account::bounce, Origin::bounce}, {std::nullopt, Origin::local},
    {Account::send, Origin::local},   {Account::queue, Origin::local}};

bool is_allowed(const Who& who, const Envelope& envelope) { return check_rights(rights_of(who.account), envelope, "here.example").has_value(); }

}  // namespace

TEST_CASE("everybody may inject a plain message of the own origin, and of no other") {
  for (const Who& who : everybody)
    for (Origin const origin : {Origin::inbound, Origin::submission, Origin::local, Origin::bounce})
      CHECK(is_allowed(who, plain(origin)) == (origin == who.origin));
}

TEST_CASE("each field belongs to those who know it") {
  for (const Who& who : everybody) {
    bool const is_smtp = who.account == Account::smtp;
    bool const is_submit = who.account == Account::submit;
    Envelope client = plain(who.origin);
    client.client = "192.0.2.1";
    CHECK(is_allowed(who, client) == (is_smtp || is_submit));
    Envelope helo = plain(who.origin);
    helo.helo = "client.example";
    CHECK(is_allowed(who, helo) == (is_smtp || is_submit));
    Envelope login = plain(who.origin);
    login.login = "alice";
    CHECK(is_allowed(who, login) == is_submit);
    Envelope junk = plain(who.origin);
    junk.is_junk = true;
    CHECK(is_allowed(who, junk) == is_smtp);
    Envelope header = plain(who.origin);
    header.header_lines = "X-Scanned: yes\n";
    CHECK(is_allowed(who, header) == (is_smtp || is_submit));
    Envelope injector = plain(who.origin);
    injector.injector = 1000;
    CHECK_FALSE(is_allowed(who, injector));
  }
}

TEST_CASE("only pn-submit submits, and never for nobody") {
  Envelope envelope = plain(Origin::submission);
  for (const Who& who : everybody) CHECK(is_allowed(who, envelope) == (who.account == Account::submit));
  envelope.login.clear();
  for (const Who& who : everybody) CHECK_FALSE(is_allowed(who, envelope));
  Envelope tls = plain(Origin::local);
  tls.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
  CHECK_FALSE(is_allowed({std::nullopt, Origin::local}, tls));
}

TEST_CASE("bounce sends from nobody only") {
  Envelope envelope = plain(Origin::bounce);
  envelope.sender = *Address::parse(Wire{"someone@here.example"});
  CHECK_FALSE(is_allowed({Account::bounce, Origin::bounce}, envelope));
}

TEST_CASE("header lines that only the last hand may write, and another host's results, are refused") {
  constexpr struct {
    const char* lines;
    bool good;
  } cases[] = {
      {"Authentication-Results: here.example; spf=pass\n", true},
      {"Authentication-Results: HERE.example;\n  spf=pass\n", true},
      {"Authentication-Results: here.example 1; none\n", true},
      {"authentication-results: there.example; spf=pass\n", false},
      {"Authentication-Results: here.example.evil.example; spf=pass\n", false},
      {"Authentication-Results:\n here.example; spf=pass\n", false},  // the identifier stands on the first line, or is not ours
      {"Received: by me\n", false},
      {"received: by me\n", false},
      {"Return-Path: <>\n", false},
      {"Delivered-To: you\n", false},
      {"Bcc: you\n", false},
      {"X-A: 1\nReceived: by me\n", false},
      {"X-A: 1\n Received: a fold, not a field\n", true},
  };
  for (auto const& [lines, good] : cases) {
    Envelope envelope = plain(Origin::inbound);
    envelope.header_lines = lines;
    CAPTURE(lines);
    CHECK(is_allowed({Account::smtp, Origin::inbound}, envelope) == good);
  }
}
