#include "pop3d/outgoing_message.h"

#include <catch2/catch.hpp>

#include "pop3d/header_surrogate.h"

using namespace postern;

namespace {

std::string sent(std::string_view message, std::size_t piece, std::uint64_t lines = OutgoingMessage::all_lines) {
  OutgoingMessage outgoing{OutgoingMessage::Header::in_ascii, lines};
  std::string out;
  for (; !message.empty() && !outgoing.has_ended(); message.remove_prefix(piece < message.size() ? piece : message.size()))
    outgoing.take(message.substr(0, piece), out);
  outgoing.finish(out);
  return out;
}

}  // namespace

TEST_CASE("a message on the wire, in whatever pieces its file is read") {
  struct Case {
    std::string_view file, wire;
  };
  const Case cases[] = {
      {"", ".\r\n"},
      {"A: b\n\nx\n", "A: b\r\n\r\nx\r\n.\r\n"},
      {"A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n.\r\n"},
      {"A: b\n\nx", "A: b\r\n\r\nx\r\n.\r\n"},
      {"A: b\n\n.\n..\n.x\n", "A: b\r\n\r\n..\r\n...\r\n..x\r\n.\r\n"},
      {".\n\n.", "..\r\n\r\n..\r\n.\r\n"},
      {"A\n\n\r\n.\r\n", "A\r\n\r\n\r\n..\r\n.\r\n"},
      {"A\n\na\rb\r\r\n\r", "A\r\n\r\na\rb\r\r\n\r\n.\r\n"},
      {"A\r", "A\r\n.\r\n"},
      {"\n", "\r\n.\r\n"},
      {"S: \xc3\xa4\n\n\xc3\xa4\n", "S: =?utf-8?q?=C3=A4?=\r\n\r\n\xc3\xa4\r\n.\r\n"},
      {"S: \xe4\r\n\r\n", "S: =?unknown-8bit?q?=E4?=\r\n\r\n.\r\n"},
  };
  for (const Case& one : cases)
    for (std::size_t piece = 1; piece < 12; ++piece) {
      CAPTURE(one.file, piece);
      CHECK(sent(one.file, piece) == one.wire);
    }
}

TEST_CASE("TOP ends behind so many lines of the body") {
  std::string_view const file = "A: b\nC: d\n\n1\n2\n3\n";
  for (std::size_t piece = 1; piece < 20; ++piece) {
    CHECK(sent(file, piece, 0) == "A: b\r\nC: d\r\n\r\n.\r\n");
    CHECK(sent(file, piece, 2) == "A: b\r\nC: d\r\n\r\n1\r\n2\r\n.\r\n");
    CHECK(sent(file, piece, 9) == "A: b\r\nC: d\r\n\r\n1\r\n2\r\n3\r\n.\r\n");
  }
}

TEST_CASE("a header line with bytes above 127 is encoded in words that no line is too long for") {
  CHECK(header_surrogate("Subject: Gr\xc3\xbc\xc3\x9f"
                         "e aus K\xc3\xb6ln heute") == "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?q?K=C3=B6ln?= heute");
  CHECK(header_surrogate("S: \xc3\xa4 \xc3\xa4  x") == "S: =?utf-8?q?=C3=A4_=C3=A4?=  x");
  std::string line = "S: ";
  for (int i = 0; i < 100; ++i) line += "\xe2\x82\xac";
  std::string const text = header_surrogate(line);
  std::size_t at = 0, longest = 0;
  for (std::size_t end; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2) longest = std::max(longest, end - at);
  CHECK(longest <= 78);
  CHECK(text.find("=E2?=") == std::string::npos);  // no character is split
}

TEST_CASE("a header line of many megabytes takes little memory") {
  OutgoingMessage outgoing{OutgoingMessage::Header::in_ascii};
  std::string const piece(1 << 20, '\xe4');
  std::size_t octets = 0;
  for (int i = 0; i < 8; ++i) {
    std::string out;
    outgoing.take(piece, out);
    octets += out.size();
  }
  CHECK(octets > piece.size() * 8);
}
