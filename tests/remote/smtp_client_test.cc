#include "remote/smtp_client.h"

#include <catch2/catch.hpp>

#include "lib/net/remote_words.h"
#include "tests/remote/scripted_peer.h"

using namespace postern;

namespace {

constexpr std::string_view plain_message = "Subject: hello\n\nfirst line\n.dots\n";

// Greets, and says that it can do `features` ("PIPELINING DSN"), or does not know EHLO when there is a "-".
void welcome(PeerSide& side, const std::string& features = "") {
  side.say("220 mx.there.example ESMTP\r\n");
  side.is(side.line(), "EHLO here.example\r\n");
  if (features == "-") {
    side.say("500 what\r\n");
    side.is(side.line(), "HELO here.example\r\n");
    side.say("250 hello\r\n");
    return;
  }
  std::string reply = "250-mx.there.example\r\n";
  for (std::size_t at = 0; at < features.size();) {
    std::size_t const end = std::min(features.find(' ', at), features.size());
    std::string word = features.substr(at, end - at);
    for (char& c : word)
      if (c == '_') c = ' ';
    reply += "250-" + word + "\r\n";
    at = end + 1;
  }
  side.say(reply + "250 HELP\r\n");
}

bool greet(ScriptedClient& peer) { return !peer.client.greet("here.example", std::nullopt, {}, no_door); }

}  // namespace

TEST_CASE("a message goes to a host that knows nothing, a question at a time") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "-");
    side.is(side.line(), "MAIL FROM:<alice@here.example>\r\n");
    side.say("250 ok\r\n");
    side.is(side.line(), "RCPT TO:<bob@there.example>\r\n");
    side.say("250 ok\r\n");
    side.is(side.line(), "DATA\r\n");
    side.say("354 go\r\n");
    side.is(side.message(), "Subject: hello\r\n\r\nfirst line\r\n..dots\r\n");
    side.say("250 2.0.0 Ok: queued as X\r\n");
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{plain_message};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  REQUIRE(port.heard[0].size() == 1);
  CHECK(port.heard[0][0].outcome == Outcome::relayed);
  CHECK(port.heard[0][0].text == "2.0.0 mx.there.example[127.0.0.2] said: 250 2.0.0 Ok: queued as X");
  CHECK(port.asked == 1);
  CHECK(peer.client.is_usable());
}

TEST_CASE("PIPELINING asks all at once, and everybody hears his own answer") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING DSN");
    std::string const batch =
        "MAIL FROM:<alice@here.example>\r\nRCPT TO:<a@there.example>\r\nRCPT TO:<b@there.example>\r\nRCPT "
        "TO:<c@there.example>\r\nDATA\r\n";
    side.is(side.bytes(batch.size()), batch);
    side.say("250 ok\r\n250-2.1.5 a\r\n250 2.1.5 ok\r\n550 5.1.1 no such user\r\n450 4.2.0 greylisted\r\n354 go\r\n");
    side.holds(side.message().size() > 10);
    side.say("250 done\r\n");
    side.line();
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{plain_message, {"a@there.example", "b@there.example", "c@there.example"}};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  REQUIRE(port.heard.size() == 3);
  CHECK(port.heard[0][0].outcome == Outcome::passed);
  CHECK(port.heard[1][0].outcome == Outcome::failed);
  CHECK(port.heard[1][0].text == "5.1.1 mx.there.example[127.0.0.2] said: 550 5.1.1 no such user");
  CHECK(port.heard[2][0].outcome == Outcome::deferred);
  CHECK(port.heard[2][0].blame == Blame::message);
  for (auto const& [index, reports] : port.heard) CHECK(reports.size() == 1);
}

TEST_CASE("BDAT counts every byte, and knows no dots") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING CHUNKING SIZE_1000 8BITMIME");
    std::string const batch = "MAIL FROM:<alice@here.example> SIZE=40 BODY=8BITMIME\r\nRCPT TO:<bob@there.example>\r\n";
    side.is(side.bytes(batch.size()), batch);
    side.say("250 ok\r\n250 ok\r\n");
    side.is(side.line(), "BDAT 40 LAST\r\n");
    side.is(side.bytes(40), "Received: x\r\nSubject: \xe4\r\n\r\n.\r\n..\r\nlast\r\n");
    side.say("250 ok\r\n");
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter letter{"Subject: \xe4\n\n.\n..\nlast"};
  letter.envelope.header_lines = "Received: x\n";
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).outcome == Outcome::relayed);
}

TEST_CASE("a message larger than the server takes is not begun") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "SIZE_20");
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{plain_message, {"a@there.example", "b@there.example"}};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  for (std::uint32_t const index : {0u, 1u}) {
    CHECK(port.heard[index].at(0).outcome == Outcome::failed);
    CHECK(port.heard[index].at(0).text == "5.3.4 mx.there.example[127.0.0.2]: the message has 37 bytes, and it takes 20 at most");
  }
  CHECK(peer.client.is_usable());
}

TEST_CASE("several messages over one connection; RSET only where one was left open") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING");
    for (int number = 0; number < 3; ++number) {
      std::string const front = number == 2 ? "RSET\r\n" : "";
      std::string const batch = front + "MAIL FROM:<alice@here.example>\r\nRCPT TO:<bob@there.example>\r\nDATA\r\n";
      side.is(side.bytes(batch.size()), batch);
      if (!front.empty()) side.say("250 reset\r\n");
      side.say(number == 1 ? "250 ok\r\n450 4.7.1 later\r\n554 nobody\r\n" : "250 ok\r\n250 ok\r\n354 go\r\n");
      if (number == 1) continue;
      side.message();
      side.say("250 ok\r\n");
    }
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{plain_message};
  Outcome const outcomes[] = {Outcome::relayed, Outcome::deferred, Outcome::relayed};
  for (Outcome const outcome : outcomes) {
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    REQUIRE(port.heard[0].size() == 1);
    CHECK(port.heard[0][0].outcome == outcome);
    CHECK(peer.client.is_quiet());
  }
}

TEST_CASE("DATA taken with nobody to take it is ended with an empty dot") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING");
    for (int i = 0; i < 3; ++i) side.line();
    side.say("250 ok\r\n550 5.1.1 no\r\n354 go\r\n");
    side.is(side.line(), ".\r\n");
    side.say("554 nobody\r\n");
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{plain_message};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).outcome == Outcome::failed);
  CHECK(port.asked == 0);
  CHECK(peer.client.is_usable());
}

TEST_CASE("recipients who are too many for one transaction get another at once") {
  for (std::string const& refusal :
       {std::string{"452 4.5.3 too many\r\n"}, std::string{"452 too many\r\n"}, std::string{"552 too many\r\n"}}) {
    ScriptedClient peer{[&refusal](PeerSide& side) {
      welcome(side);
      std::string const names[] = {"a", "b", "c"};
      for (std::size_t first = 0; first < 3; first += 2) {
        side.holds(side.line().starts_with("MAIL"));
        side.say("250 ok\r\n");
        for (std::size_t i = first; i < 3; ++i) {
          side.is(side.line(), "RCPT TO:<" + names[i] + "@there.example>\r\n");
          side.say(i - first < 2 ? "250 ok\r\n" : refusal);
        }
        side.is(side.line(), "DATA\r\n");
        side.say("354 go\r\n");
        side.message();
        side.say("250 ok\r\n");
      }
    }};
    REQUIRE(greet(peer));
    TestLetter const letter{plain_message, {"a@there.example", "b@there.example", "c@there.example"}};
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    for (std::uint32_t const index : {0u, 1u, 2u}) {
      REQUIRE(port.heard[index].size() == 1);
      CHECK(port.heard[index][0].outcome == Outcome::relayed);
    }
  }
}

TEST_CASE("a hundred recipients with long parameters are asked in several batches") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING DSN");
    for (int i = 0; i < 102; ++i) {
      std::string const line = side.line();
      side.say(line == "DATA\r\n" ? "354 go\r\n" : "250 ok\r\n");
    }
    side.message();
    side.say("250 ok\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter letter{plain_message, std::vector<std::string>(100, "bob@there.example")};
  for (Recipient& recipient : letter.envelope.recipients) recipient.original = "rfc822;" + std::string(400, 'x');
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard.size() == 100);
  for (auto const& [index, reports] : port.heard) CHECK((reports.size() == 1 && reports[0].outcome == Outcome::passed));
}

TEST_CASE("SMTPUTF8 where it is needed and there; a bounce where it is not there") {
  struct {
    std::string_view features, header, sender, recipient;
    bool is_utf8;
    std::string_view mail, status;  // what MAIL says, or with which status it fails
  } const cases[] = {
      {"8BITMIME SMTPUTF8", "a", "alice@here.example", "bob@there.example", true, "MAIL FROM:<alice@here.example>\r\n", ""},
      {"8BITMIME SMTPUTF8", "\xc3\xa4", "alice@here.example", "bob@there.example", true,
       "MAIL FROM:<alice@here.example> BODY=8BITMIME SMTPUTF8\r\n", ""},
      {"8BITMIME SMTPUTF8", "a", "\xc3\xa4@here.example", "bob@there.example", false,
       "MAIL FROM:<\xc3\xa4@here.example> SMTPUTF8\r\n", ""},
      {"8BITMIME SMTPUTF8", "a", "a@\xc3\xa4.example", "bob@there.example", true, "MAIL FROM:<a@xn--4ca.example>\r\n", ""},
      {"8BITMIME", "\xc3\xa4", "alice@here.example", "bob@there.example", false,
       "MAIL FROM:<alice@here.example> BODY=8BITMIME\r\n", ""},
      {"8BITMIME", "\xc3\xa4", "alice@here.example", "bob@there.example", true, "", "5.6.9"},
      {"8BITMIME", "a", "\xc3\xa4@here.example", "bob@there.example", true, "", "5.6.7"},
      {"8BITMIME", "a", "alice@here.example", "\xc3\xa4@there.example", true, "", "5.6.7"},
      {"DSN", "\xc3\xa4", "alice@here.example", "bob@there.example", false, "", "5.6.3"},
  };
  for (auto const& test : cases) {
    ScriptedClient peer{[&test](PeerSide& side) {
      welcome(side, std::string{test.features});
      if (test.mail.empty()) return;
      side.is(side.line(), test.mail);
      side.say("550 5.7.1 enough\r\n");
    }};
    REQUIRE(greet(peer));
    TestLetter letter{"Subject: " + std::string{test.header} + "\n\nx\n", {std::string{test.recipient}}};
    letter.envelope.sender = *Address::parse(Wire{test.sender});
    letter.envelope.is_utf8 = test.is_utf8;
    RecordingPort port;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0].at(0).outcome == Outcome::failed);
    CHECK(port.heard[0].at(0).text.starts_with(test.mail.empty() ? test.status : "5.7.1"));
  }
}

TEST_CASE("a part's header with UTF-8 needs SMTPUTF8 as well") {
  ScriptedClient peer{[](PeerSide& side) { welcome(side, "8BITMIME"); }};
  REQUIRE(greet(peer));
  TestLetter letter{"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: \xc3\xa4\n\nx\n--b--\n"};
  letter.envelope.is_utf8 = true;
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).text.starts_with("5.6.9 "));
}

TEST_CASE("a host without 8BITMIME gets quoted-printable") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING SIZE");
    side.holds(side.line().starts_with("MAIL FROM:<alice@here.example> SIZE="));
    side.line();
    side.line();
    side.say("250 ok\r\n250 ok\r\n354 go\r\n");
    side.holds(side.message().ends_with("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n"));
    side.say("250 ok\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter const letter{"Subject: x\n\n\xc3\xa4\n"};
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).outcome == Outcome::relayed);
}

TEST_CASE("a damaged message is never sent, and waits") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side);
    side.is(side.line(), "QUIT\r\n");
  }};
  REQUIRE(greet(peer));
  TestLetter letter{plain_message};
  letter.frame.message_crc ^= 1;
  RecordingPort port;
  REQUIRE(peer.client.deliver(letter.letter(), port));
  CHECK(port.heard[0].at(0).outcome == Outcome::deferred);
  CHECK(port.heard[0].at(0).blame == Blame::message);
  CHECK(port.heard[0].at(0).text.find("damaged") != std::string::npos);
}

TEST_CASE("who asked for the delivery is gone: the end is never sent") {
  for (std::string const& features : {std::string{"PIPELINING"}, std::string{"PIPELINING CHUNKING"}}) {
    ScriptedClient peer{[&features](PeerSide& side) {
      welcome(side, features);
      bool const is_counted = features != "PIPELINING";
      side.line();
      side.line();
      if (!is_counted) side.line();
      side.say(is_counted ? "250 ok\r\n250 ok\r\n" : "250 ok\r\n250 ok\r\n354 go\r\n");
      side.holds(side.rest().empty());
    }};
    REQUIRE(greet(peer));
    TestLetter const letter{plain_message};
    RecordingPort port;
    port.finishes = false;
    REQUIRE(peer.client.deliver(letter.letter(), port));
    CHECK(port.heard[0].at(0).outcome == Outcome::deferred);
    CHECK_FALSE(peer.client.is_usable());
  }
}

TEST_CASE("AUTH: PLAIN, or LOGIN, or none over a line that others read") {
  SmtpLogin const login{"alice", "secret"};
  {
    ScriptedClient peer{[](PeerSide& side) {
      welcome(side, "AUTH_LOGIN_PLAIN");
      side.is(side.line(), "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
      side.say("235 2.7.0 welcome\r\n");
    }};
    CHECK_FALSE(peer.client.greet("here.example", login, {}, no_door));
  }
  {
    ScriptedClient peer{[](PeerSide& side) {
      welcome(side, "AUTH_LOGIN");
      side.is(side.line(), "AUTH LOGIN\r\n");
      side.say("334 VXNlcm5hbWU6\r\n");
      side.is(side.line(), "YWxpY2U=\r\n");
      side.say("334 UGFzc3dvcmQ6\r\n");
      side.is(side.line(), "c2VjcmV0\r\n");
      side.say("535 5.7.8 wrong\r\n");
    }};
    auto const refusal = peer.client.greet("here.example", login, {}, no_door);
    REQUIRE(refusal);
    CHECK(refusal->fate == Fate::temporary);
    CHECK(refusal->text == "4.7.8 mx.there.example[127.0.0.2]: it refused the login: 535 5.7.8 wrong");
    CHECK_FALSE(peer.client.is_usable());
  }
  {
    ScriptedClient peer{[](PeerSide& side) { welcome(side, "DSN"); }};
    CHECK(peer.client.greet("here.example", login, {}, no_door)->text.starts_with("4.7.0 "));
  }
  CHECK(IpAddress::parse(Wire{"127.255.0.1"})->is_loopback());
  CHECK(IpAddress::parse(Wire{"::1"})->is_loopback());
  CHECK_FALSE(IpAddress::parse(Wire{"128.0.0.1"})->is_loopback());
  CHECK_FALSE(IpAddress::parse(Wire{"::2"})->is_loopback());
}
