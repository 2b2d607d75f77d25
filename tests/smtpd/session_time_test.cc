// Tests of smtpd/smtp_session: its limits of time hold for a client that never stops sending.
#include <catch2/catch.hpp>

#include "tests/smtpd/session_harness.h"

using namespace postern;

namespace {

const std::string begun = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@here.example>\r\n";

std::string more_than_a_buffer() {
  std::string text;
  while (text.size() < 2 * LineReader::room) text += "NOOP it is a line of text\r\n";
  return text;
}

std::string last_line(const std::string& replies) {
  REQUIRE(replies.ends_with("\r\n"));
  std::size_t const start = replies.rfind('\n', replies.size() - 3);
  return replies.substr(start + 1, replies.size() - start - 3);
}

}  // namespace

TEST_CASE("a session that is over its time ends, whatever comes") {
  SessionHarness harness;
  harness.rules.session_time = Seconds{0};
  MemoryQueue queue;
  CHECK(harness.run(begun, queue) == "220 mx.here.example ESMTP\r\n421 4.4.2 Timeout; closing\r\n");
}

TEST_CASE("a transaction that is over its time ends the session: in commands, in data, in chunks, in what is swallowed") {
  std::string const much = more_than_a_buffer();
  for (const std::string& wire : {begun + much, begun + "DATA\r\n" + much + ".\r\n", begun + "BDAT 140000\r\n" + much,
                                  begun + "DATA\r\nbare\n" + much, begun + "NOOP " + std::string(200'000, 'x') + "\r\n"}) {
    SessionHarness harness;
    harness.rules.transaction_time = Seconds{0};
    MemoryQueue queue;
    CHECK(last_line(harness.run(wire, queue)) == "421 4.4.2 Timeout; closing");
    CHECK(queue.messages.empty());
    CHECK_FALSE(queue.is_open);
  }
}

TEST_CASE("within its time it goes through") {
  SessionHarness harness;
  MemoryQueue queue;
  CHECK(last_line(harness.run(begun + "DATA\r\n" + more_than_a_buffer() + ".\r\nQUIT\r\n", queue)) ==
        "221 2.0.0 mx.here.example closing");
  REQUIRE(queue.messages.size() == 1);
  CHECK(queue.messages[0].text.size() > LineReader::room);
}

TEST_CASE("a handshake gets 70 seconds, and never more than is left of the session") {
  for (auto const& [session, least, most] :
       {std::tuple{Seconds{3600}, Seconds{65}, Seconds{71}}, {Seconds{30}, Seconds{20}, Seconds{31}}}) {
    SessionHarness harness;
    harness.rules.has_certificates = true;
    harness.rules.session_time = session;
    MemoryQueue queue;
    harness.run_pieces({"EHLO c\r\nSTARTTLS\r\n", "QUIT\r\n"}, queue);
    CHECK(harness.line.handshakes == 1);
    CHECK(harness.line.patience > least);
    CHECK(harness.line.patience < most);
  }
}
