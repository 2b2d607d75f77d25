// Servers that do not behave: each recipient hears of it exactly once, the right one is blamed, and nobody is waited for without
// end.
#include <poll.h>

#include <catch2/catch.hpp>

#include "tests/remote/scripted_peer.h"

using namespace postern;

namespace {

constexpr std::string_view hello = "250-mx.there.example\r\n250 PIPELINING\r\n";

void welcome(PeerSide& side, std::string_view ehlo = hello) {
  side.say("220 mx.there.example ESMTP\r\n");
  side.line();
  side.say(ehlo);
}

// Up to and with DATA.
void hear_batch(PeerSide& side) {
  for (std::string line = side.line(); !line.empty() && line != "DATA\r\n"; line = side.line()) continue;
}

struct Case {
  const char* what;
  Script script;
  Outcome outcome;
  Blame blame;
  std::string_view text;  // of the report, somewhere
  bool is_usable = false;
};

Script after_batch(
    std::string replies, Script then = [](PeerSide& side) { side.rest(); }) {
  return [replies = std::move(replies), then = std::move(then)](PeerSide& side) {
    welcome(side);
    hear_batch(side);
    side.say(replies);
    then(side);
  };
}

Script after_message(std::string reply) {
  return after_batch("250 ok\r\n250 ok\r\n354 go\r\n", [reply = std::move(reply)](PeerSide& side) {
    side.message();
    side.say(reply);
  });
}

void try_case(const Case& test, const SmtpTimes& times = {}) {
  INFO(test.what);
  ScriptedClient peer{test.script, times};
  REQUIRE_FALSE(peer.client.greet("here.example", std::nullopt, {}, no_door));
  TestLetter const letter{"Subject: x\n\nbody\n"};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  REQUIRE(port.heard.size() == 1);
  REQUIRE(port.heard[0].size() == 1);
  Heard const& heard = port.heard[0][0];
  INFO(heard.text);
  CHECK(heard.outcome == test.outcome);
  CHECK(heard.blame == test.blame);
  CHECK(heard.text.find(test.text) != std::string::npos);
  CHECK(peer.client.is_usable() == test.is_usable);
}

}  // namespace

TEST_CASE("refusals are of the message, the recipient or the host") {
  Case const cases[] = {
      {"MAIL refused for good", after_batch("550 5.7.1 not you\r\n503 x\r\n503 x\r\n"), Outcome::failed, Blame::message,
       "said: 550 5.7.1 not you", true},
      {"MAIL refused for now", after_batch("451 4.7.1 greylisted\r\n503 x\r\n503 x\r\n"), Outcome::deferred, Blame::message,
       "4.7.1", true},
      {"421 at MAIL", after_batch("421 4.3.2 too busy\r\n"), Outcome::deferred, Blame::destination, "said: 421 4.3.2 too busy"},
      {"RCPT greylisted", after_batch("250 ok\r\n450 4.2.0 later\r\n554 no\r\n"), Outcome::deferred, Blame::message, "said: 450",
       true},
      {"421 at RCPT", after_batch("250 ok\r\n421 bye\r\n"), Outcome::deferred, Blame::destination, "4.3.2 mx"},
      {"mailbox full", after_batch("250 ok\r\n552 5.2.2 full\r\n554 no\r\n"), Outcome::failed, Blame::message, "5.2.2", true},
      {"452 for the first", after_batch("250 ok\r\n452 4.5.3 too many\r\n554 no\r\n"), Outcome::deferred, Blame::message, "4.5.3",
       true},
      {"552 5.5.3 for the first", after_batch("250 ok\r\n552 5.5.3 too many\r\n554 no\r\n"), Outcome::deferred, Blame::message,
       "5.5.3", true},
      {"DATA refused", after_batch("250 ok\r\n250 ok\r\n554 5.7.1 no\r\n"), Outcome::failed, Blame::message, "5.7.1", true},
      {"421 at DATA", after_batch("250 ok\r\n250 ok\r\n421 no\r\n"), Outcome::deferred, Blame::destination, "said: 421"},
      {"the message refused", after_message("554 5.7.1 spam\r\n"), Outcome::failed, Blame::message, "spam", true},
      {"the message not now", after_message("451 4.3.0 disk\r\n"), Outcome::deferred, Blame::message, "disk", true},
      {"421 for the message", after_message("421 4.3.2 going\r\n"), Outcome::deferred, Blame::destination,
       "said: 421 4.3.2 going"},
  };
  for (Case const& test : cases) try_case(test);
}

TEST_CASE("servers that break the protocol") {
  std::string endless = "250-x\r\n";
  for (int i = 0; i < 12; ++i) endless += endless;
  std::string const long_line = "250 " + std::string(100'000, 'x');
  Case const cases[] = {
      {"garbage", after_batch("hello\r\n"), Outcome::deferred, Blame::destination,
       "4.5.0 mx.there.example[127.0.0.2]: it answered what is no SMTP reply"},
      {"NULs", after_batch(std::string(1000, '\0') + "\r\n"), Outcome::deferred, Blame::destination, "no SMTP reply"},
      {"NUL in a reply", after_batch(std::string{"550 a\0b\r\n503 x\r\n503 x\r\n", 23}), Outcome::failed, Blame::message,
       "550 a?b", true},
      {"endless lines", after_batch(endless), Outcome::deferred, Blame::destination, "without end"},
      {"an endless line", after_batch(long_line), Outcome::deferred, Blame::destination, "too long"},
      {"two codes", after_batch("250-a\r\n550 b\r\n"), Outcome::deferred, Blame::destination, "two codes"},
      {"354 to MAIL", after_batch("354 go\r\n"), Outcome::deferred, Blame::destination, "it answered MAIL with 354"},
      {"354 to RCPT", after_batch("250 ok\r\n354 go\r\n250 ok\r\n"), Outcome::deferred, Blame::destination,
       "it answered RCPT with 354"},
      {"250 to DATA", after_batch("250 ok\r\n250 ok\r\n250 ok\r\n"), Outcome::deferred, Blame::destination,
       "it answered DATA with 250"},
      {"a recipient taken without a sender", after_batch("550 5.7.1 no\r\n250 ok\r\n354 go\r\n"), Outcome::failed, Blame::message,
       "5.7.1"},
      {"an answer too many in front of the message", after_batch("250 ok\r\n250 ok\r\n354 go\r\n250 got it\r\n"),
       Outcome::deferred, Blame::destination, "with 250 got it"},
      {"a refusal in front of the message", after_batch("250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 too big\r\n"), Outcome::failed,
       Blame::message, "5.3.4"},
      {"354 to the message", after_message("354 go on\r\n"), Outcome::deferred, Blame::destination, "may arrive all the same"},
      {"garbage for the message", after_message("ok\r\n"), Outcome::deferred, Blame::destination, "may arrive all the same"},
      {"silence, then the end, at the message", after_message(""), Outcome::deferred, Blame::destination,
       "it closed the connection, at the message's end; the message had been sent"},
      {"the end at MAIL",
       [](PeerSide& side) {
         welcome(side);
         side.line();
       },
       Outcome::deferred, Blame::destination, "it closed the connection, at MAIL"},
      {"the end at RCPT", after_batch("250 ok\r\n25", [](PeerSide&) {}), Outcome::deferred, Blame::destination,
       "it closed the connection, at RCPT"},
      {"the end at DATA", after_batch("250 ok\r\n250 ok\r\n", [](PeerSide&) {}), Outcome::deferred, Blame::destination,
       "it closed the connection, at DATA"},
      {"the end behind 354", after_batch("250 ok\r\n250 ok\r\n354 go\r\n", [](PeerSide&) {}), Outcome::deferred,
       Blame::destination, "it closed the connection"},
  };
  for (Case const& test : cases) try_case(test);
}

TEST_CASE("an answer before the question") {
  Script const script = [](PeerSide& side) {
    side.say("220 mx.there.example ESMTP\r\n");
    side.line();
    side.say(std::string{hello} + "250 sender\r\n250 recipient\r\n354 go\r\n250 delivered\r\n");
    side.rest();
  };
  try_case({"all answers at once", script, Outcome::deferred, Blame::destination,
            "4.5.0 mx.there.example[127.0.0.2]: it answered before it was asked: 250 sender"});
}

TEST_CASE("greetings and EHLO that end it") {
  struct {
    std::string greeting, ehlo, helo;
    Fate fate;
    std::string_view text;
  } const cases[] = {
      {"554 5.3.2 no mail here\r\n", "", "", Fate::permanent, "5.3.2 mx.there.example[127.0.0.2] said: 554 5.3.2 no mail here"},
      {"421 4.3.2 busy\r\n", "", "", Fate::temporary, "said: 421"},
      {"450 4.7.1 who are you\r\n", "", "", Fate::temporary, "said: 450"},
      {"250 hello\r\n", "", "", Fate::temporary, "it answered the connection with 250 hello"},
      {"SSH-2.0-OpenSSH\r\n", "", "", Fate::temporary, "no SMTP reply"},
      {"", "", "", Fate::temporary, "it closed the connection, at the greeting"},
      {"220 x\r\n", "450 no\r\n", "", Fate::temporary, "said: 450"},
      {"220 x\r\n", "354 no\r\n", "", Fate::temporary, "it answered EHLO with 354"},
      {"220 x\r\n", "502 what\r\n", "550 5.7.1 no\r\n", Fate::permanent, "5.7.1"},
      {"220 x\r\n220 x\r\n", "", "", Fate::temporary, "before it was asked"},
  };
  for (auto const& test : cases) {
    ScriptedClient peer{[&test](PeerSide& side) {
      side.say(test.greeting);
      if (test.ehlo.empty()) return;
      side.line();
      side.say(test.ehlo);
      if (test.helo.empty()) return;
      side.line();
      side.say(test.helo);
    }};
    auto const refusal = peer.client.greet("here.example", std::nullopt, {}, no_door);
    REQUIRE(refusal);
    CHECK(refusal->fate == test.fate);
    INFO(refusal->text);
    CHECK(refusal->text.find(test.text) != std::string::npos);
    CHECK_FALSE(peer.client.is_usable());
  }
}

TEST_CASE("a server that says nothing, or a byte at a time, has its time and no more") {
  SmtpTimes times;
  times.command = times.data = times.block = times.final_dot = 80ms;
  Script const drips = [](PeerSide& side) {
    welcome(side);
    hear_batch(side);
    // As long as somebody listens; each byte well within the time of a reply.
    for (int i = 0; i < 2000; ++i) {
      pollfd gone{side.fd(), POLLIN | POLLRDHUP, 0};
      if (poll(&gone, 1, 10) > 0) return;
      side.say(i == 0 ? "250-" : "x");
    }
  };
  try_case({"nothing at MAIL", after_batch(""), Outcome::deferred, Blame::destination, "no answer in time, at MAIL"}, times);
  try_case({"drips", drips, Outcome::deferred, Blame::destination, "no answer in time, at MAIL"}, times);
  Script const waits = after_batch("250 ok\r\n250 ok\r\n354 go\r\n", [](PeerSide& side) { side.rest(); });
  try_case({"nothing for the message's end", waits, Outcome::deferred, Blame::destination,
            "no answer in time, at the message's end; the message had been sent"},
           times);
}

TEST_CASE("a server that does not read is not waited for without end") {
  SmtpTimes times;
  times.block = 80ms;
  ScriptedClient peer{[](PeerSide& side) {
                        welcome(side);
                        hear_batch(side);
                        side.say("250 ok\r\n250 ok\r\n354 go\r\n");
                        pollfd gone{side.fd(), POLLRDHUP, 0};
                        poll(&gone, 1, 20'000);
                      },
                      times};
  REQUIRE_FALSE(peer.client.greet("here.example", std::nullopt, {}, no_door));
  std::string message = "Subject: x\n\n";
  for (int i = 0; i < 200'000; ++i) message += "a line of a long message\n";
  TestLetter const letter{message};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).outcome == Outcome::deferred);
  CHECK(port.heard[0].at(0).text.find("no answer in time, at the message") != std::string::npos);
  CHECK(port.asked == 0);
}

TEST_CASE("a transaction has an end, though each of its steps is in time") {
  SmtpTimes times;
  times.transaction = 50ms;
  times.transaction_per_recipient = 0ms;
  ScriptedClient peer{[](PeerSide& side) {
                        welcome(side, "250 x\r\n");
                        for (;;) {
                          if (side.line().empty()) return;
                          pollfd gone{side.fd(), POLLRDHUP, 0};
                          if (poll(&gone, 1, 20) > 0) return;
                          side.say("250 ok\r\n");
                        }
                      },
                      times};
  REQUIRE_FALSE(peer.client.greet("here.example", std::nullopt, {}, no_door));
  TestLetter const letter{"Subject: x\n\nx\n", std::vector<std::string>(20, "bob@there.example")};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard.size() == 20);
  for (auto const& [index, reports] : port.heard) CHECK((reports.size() == 1 && reports[0].outcome == Outcome::deferred));
}

TEST_CASE("a connection that ended between messages is no message's fault") {
  for (std::string const& last : {std::string{}, std::string{"421 4.4.2 idle for too long\r\n"}}) {
    ScriptedClient peer{[&last](PeerSide& side) {
      welcome(side);
      hear_batch(side);
      side.say("250 ok\r\n250 ok\r\n354 go\r\n");
      side.message();
      side.say("250 ok\r\n" + last);
    }};
    REQUIRE_FALSE(peer.client.greet("here.example", std::nullopt, {}, no_door));
    TestLetter const letter{"Subject: x\n\nbody\n"};
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0].at(0).outcome == Outcome::relayed);
    CHECK_FALSE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0].size() == 1);
    CHECK_FALSE(peer.client.is_usable());
    CHECK_FALSE(peer.client.is_quiet());
  }
}

TEST_CASE("of several recipients each hears his own, whenever the connection breaks") {
  // Cut behind each number of replies.
  std::string const replies[] = {"250 ok\r\n", "250 ok\r\n", "550 5.1.1 no\r\n", "250 ok\r\n", "354 go\r\n"};
  for (std::size_t count = 0; count <= 5; ++count) {
    ScriptedClient peer{[&](PeerSide& side) {
      welcome(side);
      hear_batch(side);
      for (std::size_t i = 0; i < count; ++i) side.say(replies[i]);
    }};
    REQUIRE_FALSE(peer.client.greet("here.example", std::nullopt, {}, no_door));
    TestLetter const letter{"Subject: x\n\nbody\n", {"a@there.example", "b@there.example", "c@there.example"}};
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    REQUIRE(port.heard.size() == 3);
    for (std::uint32_t const index : {0u, 1u, 2u}) {
      REQUIRE(port.heard[index].size() == 1);
      CHECK(port.heard[index][0].outcome == (index == 1 && count >= 3 ? Outcome::failed : Outcome::deferred));
    }
  }
}
