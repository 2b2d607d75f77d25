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
  CHECK(side.line() == "EHLO here.example\r\n");
  if (features == "-") {
    side.say("500 what\r\n");
    CHECK(side.line() == "HELO here.example\r\n");
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

bool greet(ScriptedClient& peer) { return !peer.client.greet("here.example", std::nullopt); }

}  // namespace

TEST_CASE("a message goes to a host that knows nothing, a question at a time") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "-");
    CHECK(side.line() == "MAIL FROM:<alice@here.example>\r\n");
    side.say("250 ok\r\n");
    CHECK(side.line() == "RCPT TO:<bob@there.example>\r\n");
    side.say("250 ok\r\n");
    CHECK(side.line() == "DATA\r\n");
    side.say("354 go\r\n");
    CHECK(side.message() == "Subject: hello\r\n\r\nfirst line\r\n..dots\r\n");
    side.say("250 2.0.0 Ok: queued as X\r\n");
    CHECK(side.line() == "QUIT\r\n");
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
  peer.end();
}

TEST_CASE("PIPELINING asks all at once, and everybody hears his own answer") {
  ScriptedClient peer{[](PeerSide& side) {
    welcome(side, "PIPELINING DSN");
    std::string const batch =
        "MAIL FROM:<alice@here.example>\r\nRCPT TO:<a@there.example>\r\nRCPT TO:<b@there.example>\r\nRCPT "
        "TO:<c@there.example>\r\nDATA\r\n";
    CHECK(side.bytes(batch.size()) == batch);
    side.say("250 ok\r\n250-2.1.5 a\r\n250 2.1.5 ok\r\n550 5.1.1 no such user\r\n450 4.2.0 greylisted\r\n354 go\r\n");
    CHECK(side.message().size() > 10);
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
