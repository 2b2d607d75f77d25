// Tests of remote/smtp_client: STARTTLS (RFC 3207), with tlsd and the host played by scripts.
#include <catch2/catch.hpp>

#include "tests/remote/fake_tls.h"

using namespace postern;

namespace {

TlsFacts facts(TlsVerified verified = TlsVerified::untrusted) {
  TlsFacts facts;
  facts.protocol = "TLSv1.3";
  facts.cipher = "TLS_AES_256_GCM_SHA384";
  facts.verified = verified;
  return facts;
}

TlsPlan may() {
  TlsPlan plan;
  plan.demand = TlsPlan::Demand::may;
  plan.wanted.server_name = "mx.there.example";
  return plan;
}

TlsPlan must() {
  TlsPlan plan = may();
  plan.demand = TlsPlan::Demand::must;
  plan.why = "control/tlspolicy says encrypt";
  return plan;
}

void offer(PeerSide& side, std::string_view features = "250-STARTTLS\r\n250-PIPELINING\r\n") {
  side.say("220 mx.there.example ESMTP\r\n");
  side.is(side.line(), "EHLO here.example\r\n");
  side.say("250-mx.there.example\r\n" + std::string{features} + "250 HELP\r\n");
}

// Up to the handshake's end.
void encrypt(PeerSide& side) {
  offer(side);
  side.is(side.line(), "STARTTLS\r\n");
  side.say("220 go ahead\r\n");
  side.is(side.line(), "tls?\n");
  side.say("tls!\n");
}

std::optional<SmtpRefusal> greet(ScriptedClient& peer, const TlsPlan& plan, TlsDoor& door,
                                 const std::optional<SmtpLogin>& login = std::nullopt) {
  return peer.client.greet("here.example", login, plan, door);
}

using Way = SmtpRefusal::Way;

}  // namespace

TEST_CASE("TLS where it is offered, and everything anew behind it") {
  FakeTls tls{facts(TlsVerified::name)};
  {
    ScriptedClient peer{[](PeerSide& side) {
      encrypt(side);
      side.is(side.line(), "EHLO here.example\r\n");
      side.say("250-mx.there.example\r\n250 DSN\r\n");
      side.is(side.line(), "MAIL FROM:<alice@here.example>\r\n");  // no PIPELINING any more
      side.say("250 ok\r\n");
      side.is(side.line(), "RCPT TO:<bob@there.example>\r\n");
      side.say("250 ok\r\n");
      side.is(side.line(), "DATA\r\n");
      side.say("354 go\r\n");
      side.is(side.message(), "Subject: x\r\n\r\nhello\r\n");
      side.say("250 2.0.0 taken\r\n");
      side.is(side.line(), "QUIT\r\n");
    }};
    REQUIRE_FALSE(greet(peer, may(), tls));
    CHECK_FALSE(peer.client.features().has_starttls);
    CHECK(peer.client.features().has_dsn);
    TestLetter const letter{"Subject: x\n\nhello\n"};
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0][0].text ==
          "2.0.0 mx.there.example[127.0.0.2] (TLSv1.3 TLS_AES_256_GCM_SHA384 verified) said: 250 2.0.0 taken");
  }
  tls.join();
  REQUIRE(tls.wanted);
  CHECK(*tls.wanted == may().wanted);
}

TEST_CASE("what stands behind 220 before the handshake ends the connection, and is not taken") {
  for (std::string_view const injected : {"x", "\r\n", "250-mx.there.example\r\n250 AUTH PLAIN\r\n", "421 4.7.0 go away\r\n"}) {
    FakeTls tls{facts()};
    ScriptedClient peer{[injected](PeerSide& side) {
      offer(side);
      side.is(side.line(), "STARTTLS\r\n");
      side.say("220 go ahead\r\n" + std::string{injected});
      side.is(side.rest(), "");
    }};
    auto const refusal = greet(peer, may(), tls, SmtpLogin{"u", "p"});
    REQUIRE(refusal);
    CHECK(refusal->text == "4.7.0 mx.there.example[127.0.0.2]: something came behind its answer to STARTTLS, before TLS");
    CHECK(refusal->way == Way::other_host);  // never in the clear: somebody stands in between
    CHECK_FALSE(peer.client.is_usable());
  }
}

TEST_CASE("a reply that is injected in the handshake is no reply") {
  FakeTls tls{facts()};
  ScriptedClient peer{[](PeerSide& side) {
    offer(side);
    side.is(side.line(), "STARTTLS\r\n");
    side.say("220 go ahead\r\n");
    side.is(side.line(), "tls?\n");
    side.say("250-mx.there.example\r\n250 AUTH PLAIN\r\n");
    side.is(side.rest(), "");
  }};
  auto const refusal = greet(peer, must(), tls);
  REQUIRE(refusal);
  CHECK(refusal->text ==
        "4.7.5 mx.there.example[127.0.0.2]: TLS did not come about: this is no TLS (control/tlspolicy says encrypt)");
}

TEST_CASE("a host that offers no TLS") {
  Script const script = [](PeerSide& side) {
    offer(side, "");
    side.rest();
  };
  FakeTls tls{facts()};
  ScriptedClient fine{script};
  CHECK_FALSE(greet(fine, may(), tls));
  ScriptedClient short_of_it{script};
  auto const refusal = greet(short_of_it, must(), tls);
  REQUIRE(refusal);
  CHECK(refusal->text ==
        "4.7.10 mx.there.example[127.0.0.2]: it offers no TLS (STARTTLS), and must (control/tlspolicy says encrypt)");
  CHECK(refusal->fate == Fate::temporary);
  CHECK(tls.opened == 0);
}

TEST_CASE("a host that offers TLS and refuses it") {
  for (std::string_view const reply : {"454 4.7.0 not now", "502 what", "554 5.5.1 never"}) {
    Script const script = [reply](PeerSide& side) {
      offer(side);
      side.is(side.line(), "STARTTLS\r\n");
      side.say(std::string{reply} + "\r\n");
      side.is(side.rest(), "QUIT\r\n");
    };
    FakeTls tls{facts()};
    {
      ScriptedClient peer{script};
      CHECK_FALSE(greet(peer, may(), tls));
      CHECK(peer.client.features().has_starttls);
    }
    ScriptedClient peer{[reply](PeerSide& side) {
      offer(side);
      side.is(side.line(), "STARTTLS\r\n");
      side.say(std::string{reply} + "\r\n");
      side.is(side.rest(), "");
    }};
    auto const refusal = greet(peer, must(), tls);
    REQUIRE(refusal);
    CHECK(refusal->text == "4.7.0 mx.there.example[127.0.0.2]: it offers TLS, and answered STARTTLS with " + std::string{reply} +
                               " (control/tlspolicy says encrypt)");
    CHECK(refusal->fate == Fate::temporary);
  }
}

TEST_CASE("a handshake that fails: another try in the clear, or none") {
  Script const script = [](PeerSide& side) {
    encrypt(side);
    side.is(side.rest(), "");
  };
  FakeTls tls{tls_refusal(TlsTrouble::peers, "certificate verify failed")};
  {
    ScriptedClient peer{script};
    auto const refusal = greet(peer, may(), tls);
    REQUIRE(refusal);
    CHECK(refusal->way == Way::in_the_clear);
  }
  ScriptedClient peer{script};
  auto const refusal = greet(peer, must(), tls);
  REQUIRE(refusal);
  CHECK(refusal->way == Way::other_host);
  CHECK(refusal->text ==
        "4.7.5 mx.there.example[127.0.0.2]: TLS did not come about: certificate verify failed (control/tlspolicy "
        "says encrypt)");
}

TEST_CASE("a host that leaves when it sees TLS") {
  for (bool const is_late : {false, true}) {
    FakeTls tls{facts()};
    ScriptedClient peer{[is_late](PeerSide& side) {
      offer(side);
      side.is(side.line(), "STARTTLS\r\n");
      side.say("220 go ahead\r\n");
      side.is(side.line(), "tls?\n");
      if (is_late) side.say("tls!\n");  // TLS 1.3: it says so behind the handshake
      side.close();
    }};
    auto const refusal = greet(peer, may(), tls);
    REQUIRE(refusal);
    CHECK(refusal->way == Way::in_the_clear);
  }
}

TEST_CASE("a host that is too busy and says so inside TLS is not asked again in the clear") {
  FakeTls tls{facts()};
  ScriptedClient peer{[](PeerSide& side) {
    offer(side);
    side.is(side.line(), "STARTTLS\r\n");
    side.say("220 go ahead\r\n");
    side.is(side.line(), "tls?\n");
    side.say("tls!\n");
    side.line();
    side.say("421 too many connections\r\n");
    side.close();
  }};
  auto const refusal = greet(peer, may(), tls);
  REQUIRE(refusal);
  CHECK(refusal->way == Way::other_host);
}

TEST_CASE("a tlsd that is away is not the host's trouble") {
  Script const script = [](PeerSide& side) {
    offer(side);
    side.is(side.rest(), "QUIT\r\n");
  };
  {
    ScriptedClient peer{script};
    CHECK_FALSE(greet(peer, may(), no_door));
  }
  ScriptedClient peer{[](PeerSide& side) {
    offer(side);
    side.is(side.rest(), "");
  }};
  auto const refusal = greet(peer, must(), no_door);
  REQUIRE(refusal);
  CHECK(refusal->way == Way::none);
  CHECK(refusal->text ==
        "4.3.0 mx.there.example[127.0.0.2]: TLS cannot be had here, and must: there is no tlsd (control/tlspolicy "
        "says encrypt)");
}

TEST_CASE("a tlsd that breaks off, or has trouble of its own") {
  for (std::string const& answer : {std::string{}, tls_refusal(TlsTrouble::own, "no room")}) {
    Script const script = [](PeerSide& side) {
      encrypt(side);
      side.is(side.rest(), "");
    };
    FakeTls tls{answer};
    {
      ScriptedClient peer{script};
      auto const refusal = greet(peer, may(), tls);
      REQUIRE(refusal);
      CHECK(refusal->way == Way::in_the_clear);
    }
    ScriptedClient peer{script};
    auto const refusal = greet(peer, must(), tls);
    REQUIRE(refusal);
    CHECK(refusal->way == Way::none);
    CHECK(refusal->text.starts_with("4.3.0 mx.there.example[127.0.0.2]: tlsd broke off: "));
  }
}

TEST_CASE("a password leaves to a host that was verified, and to no other") {
  for (TlsVerified const verified : {TlsVerified::untrusted, TlsVerified::name, TlsVerified::dane}) {
    FakeTls tls{facts(verified)};
    bool const is_good = verified != TlsVerified::untrusted;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    std::string complaints;
    std::thread host{[&complaints, is_good, socket = ends[1]] {
      PeerSide side{Fd{socket}};
      encrypt(side);
      side.is(side.line(), "EHLO here.example\r\n");
      side.say("250-mx.there.example\r\n250 AUTH PLAIN\r\n");
      side.is(side.line(), is_good ? "AUTH PLAIN AHUAcA==\r\n" : "");
      side.say("235 hello\r\n");
      side.rest();
      complaints = side.complaints();
    }};
    {
      SmtpClient client{Fd{ends[0]}, {"mx.there.example", *IpAddress::parse(Wire{"192.0.2.1"})}};
      auto const refusal = client.greet("here.example", SmtpLogin{"u", "p"}, must(), tls);
      CHECK(refusal.has_value() != is_good);
      if (refusal) CHECK(refusal->text.starts_with("4.7.11 "));
      client.quit();
    }
    host.join();
    CHECK(complaints == "");
  }
}

TEST_CASE("530 of a host that wants the TLS it could not do is no bounce") {
  for (bool const offers : {true, false}) {
    ScriptedClient peer{[offers](PeerSide& side) {
      offer(side, offers ? "250-STARTTLS\r\n" : "");
      side.line();
      side.say("530 5.7.0 Must issue a STARTTLS command first\r\n");
      side.line();
    }};
    REQUIRE_FALSE(greet(peer, TlsPlan{}, no_door));
    TestLetter const letter{"Subject: x\n\nhello\n"};
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0][0].outcome == (offers ? Outcome::deferred : Outcome::failed));
    CHECK(port.heard[0][0].text.starts_with(offers ? "4.7.0 " : "5.7.0 "));
  }
}
