// Tests of smtpd/message_body: where a message ends, and what its text is.
//
// Every word of up to eight bytes over {CR, LF, '.'} goes through the machine in each of the 2^(n-1) ways to cut it into
// pieces, its terminator included. tests/smtpd/smuggling_check.py sends the same words to
// the real program.
#include "smtpd/message_body.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace postern;
using Framing = MessageBody::Framing;

namespace {

constexpr std::size_t longest_word = 8;

// What the standards say, written the slow way. The first CRLF stands for the line end of DATA itself.
struct Expected {
  std::size_t taken;  // bytes of the wire that are the message's, its end included
  bool has_ended;
  bool is_malformed;
  std::string text;
};

bool has_bare_line_end(std::string_view bytes, BareLf bare_lf) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n')) return true;
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r') && bare_lf == BareLf::refuse) return true;
  }
  return false;
}

std::string with_lf(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n') text += bytes[i];
  return text;
}

Expected expected_of_data(std::string_view wire, BareLf bare_lf) {
  std::string const stream = "\r\n" + std::string{wire};
  std::size_t const end = stream.find("\r\n.\r\n");
  if (end == std::string::npos) return {wire.size(), false, false, {}};
  std::string content = stream.substr(0, end + 2);  // with both CRLFs
  bool const is_malformed = has_bare_line_end(content, bare_lf);
  for (std::size_t at = 0; (at = content.find("\r\n.", at)) != std::string::npos; at += 2) content.erase(at + 2, 1);
  return {end + 3, true, is_malformed, with_lf(std::string_view{content}.substr(2))};
}

std::vector<std::string> words_of(std::size_t length) {
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<std::string> longer;
    for (const std::string& word : words)
      for (char const c : {'\r', '\n', '.'}) longer.push_back(word + c);
    words = std::move(longer);
  }
  return words;
}

// All that the machine is and has done after some bytes. take() depends on nothing else, so two ways to cut that come to
// the same point go on alike, and need to be followed once.
struct Point {
  MessageBody body;
  std::string text;
  std::uint64_t ways;
};

struct Cuts {
  std::uint64_t ways = 0;
  std::uint64_t wrong = 0;
};

bool is_as_expected(MessageBody body, std::size_t taken, const std::string& text, const Expected& expected, Framing framing) {
  if (framing == Framing::counted) body.end();
  if (body.has_ended() != expected.has_ended || taken != expected.taken) return false;
  if (!expected.has_ended) return true;
  return body.is_malformed() == expected.is_malformed && (expected.is_malformed || text == expected.text);
}

// Every way to cut `wire` into pieces that are not empty.
Cuts try_all_cuts(std::string_view wire, const Expected& expected, Framing framing, BareLf bare_lf) {
  Cuts cuts;
  std::vector<std::vector<Point>> points(wire.size() + 1);
  points[0].push_back({MessageBody{framing, bare_lf}, {}, 1});
  auto const arrive = [&](std::size_t at, const MessageBody& body, std::string text, std::uint64_t ways) {
    for (Point& point : points[at])
      if (point.body == body && point.text == text) {
        point.ways += ways;
        return;
      }
    points[at].push_back({body, std::move(text), ways});
  };
  for (std::size_t at = 0; at <= wire.size(); ++at)
    for (const Point& point : points[at]) {
      if (at == wire.size() || point.body.has_ended()) {
        cuts.ways += point.ways;
        if (!is_as_expected(point.body, at, point.text, expected, framing)) cuts.wrong += point.ways;
        continue;
      }
      for (std::size_t length = 1; length <= wire.size() - at; ++length) {
        MessageBody body = point.body;
        std::string text = point.text;
        std::size_t const taken = body.take(wire.substr(at, length), text);
        if (taken < length && !body.has_ended()) cuts.wrong += point.ways;  // it stops early at the end only
        arrive(at + taken, body, std::move(text), point.ways);
      }
    }
  return cuts;
}

}  // namespace

TEST_CASE("DATA ends at CRLF.CRLF and nowhere else: every short word, cut in every way") {
  for (BareLf const bare_lf : {BareLf::refuse, BareLf::mend})
    for (std::size_t length = 0; length <= longest_word; ++length)
      for (const std::string& word : words_of(length))
        for (std::string_view const behind : {"\r\n.\r\n", ""}) {
          std::string wire = word;
          wire += behind;
          Expected const expected = expected_of_data(wire, bare_lf);
          Cuts const cuts = try_all_cuts(wire, expected, Framing::dots, bare_lf);
          bool const has_rest = expected.taken < wire.size();
          bool const are_all = has_rest || wire.empty() || cuts.ways == std::uint64_t{1} << (wire.size() - 1);
          if (cuts.wrong != 0 || cuts.ways == 0 || !are_all) FAIL_CHECK(Catch::StringMaker<std::string>::convert(word));
        }
  SUCCEED();
}

TEST_CASE("chunks are bytes and no dot counts: every short word, cut in every way") {
  for (BareLf const bare_lf : {BareLf::refuse, BareLf::mend})
    for (std::size_t length = 0; length <= longest_word; ++length)
      for (const std::string& word : words_of(length)) {
        Expected const expected{word.size(), true, has_bare_line_end(word, bare_lf), with_lf(word)};
        Cuts const cuts = try_all_cuts(word, expected, Framing::counted, bare_lf);
        std::uint64_t const all_ways = length == 0 ? 1 : std::uint64_t{1} << (length - 1);
        if (cuts.wrong != 0 || cuts.ways != all_ways) FAIL_CHECK(Catch::StringMaker<std::string>::convert(word));
      }
  SUCCEED();
}

TEST_CASE("the size is RFC 1870's: CRLF is two bytes, doubled dots and the end are not counted") {
  constexpr struct {
    std::string_view wire;
    std::uint64_t size;
  } cases[] = {{".\r\n", 0}, {"\r\n.\r\n", 2}, {"..\r\n.\r\n", 3},      {"a\r\n..b\r\n.\r\n", 7},
               {"abc", 3},   {"a\r", 1},       {"\r\n\r\n.\r\nRSET", 4}};
  for (auto const& [wire, size] : cases) {
    MessageBody body{Framing::dots, BareLf::refuse};
    std::string text;
    body.take(wire, text);
    CHECK(body.size() == size);
  }
}

TEST_CASE("every byte passes as it is") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    if (byte != '\r' && byte != '\n') all += static_cast<char>(byte);
  for (Framing const framing : {Framing::dots, Framing::counted}) {
    MessageBody body{framing, BareLf::refuse};
    std::string text;
    CHECK(body.take(all, text) == all.size());
    CHECK(text == all);
    CHECK_FALSE(body.is_malformed());
  }
}

TEST_CASE("a refused message's bytes cost no memory") {
  MessageBody body{Framing::dots, BareLf::refuse};
  std::string text;
  body.take("a\nb", text);
  CHECK(body.is_malformed());
  std::size_t const before = text.size();
  CHECK(body.take(std::string(100'000, 'x'), text) == 100'000);
  CHECK(text.size() == before);
  CHECK(body.take("\r\n.\r\nNOOP", text) == 5);
  CHECK(body.has_ended());
}
