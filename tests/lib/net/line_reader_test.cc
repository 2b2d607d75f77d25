// Tests of lib/net/line_reader: lines in all pieces, lines that are too long, the bytes behind them.
#include "lib/net/line_reader.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "lib/os/io.h"
#include "lib/os/socket.h"

using namespace postern;

namespace {

// What a reader makes of `bytes` when they come in pieces, "!" in front of a line that was cut.
std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece, std::size_t most) {
  auto [ours, theirs] = *stream_pair();
  pid_t const child = fork();
  if (child == 0) {  // each piece is one write
    theirs.close();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      if (!write_all(ours.number(), bytes.substr(0, piece))) _exit(1);
    _exit(0);
  }
  ours.close();
  auto const reader = std::make_unique<LineReader>(theirs.number());
  std::vector<std::string> lines;
  for (;;) {
    auto const line = reader->next(most, Deadline::in(5s));
    REQUIRE(line);
    if (!*line) break;
    lines.push_back(((*line)->was_cut ? "!" : "") + std::string{(*line)->bytes.bytes()});
  }
  waitpid(child, nullptr, 0);
  return lines;
}

}  // namespace

TEST_CASE("lines come as they are") {
  CHECK(lines_of("a\r\nb\n\n\r\nc", 100, 512) == std::vector<std::string>{"a\r\n", "b\n", "\n", "\r\n"});
  CHECK(lines_of("", 1, 512).empty());
  CHECK(lines_of("no end", 1, 512).empty());
  CHECK(lines_of(std::string_view{"a\0b\n", 4}, 1, 512) == std::vector<std::string>{std::string("a\0b\n", 4)});
}

TEST_CASE("a line of just the limit is whole, one byte more is cut") {
  CHECK(lines_of("1234\nx\n", 1, 5) == std::vector<std::string>{"1234\n", "x\n"});
  CHECK(lines_of("12345\nx\n", 1, 5) == std::vector<std::string>{"!12345", "x\n"});
  CHECK(lines_of("123456789\nx\n", 1, 5) == std::vector<std::string>{"!12345", "x\n"});
  CHECK(lines_of("123456789", 1, 5).empty());
}

TEST_CASE("of a line of any length the beginning is kept, and nothing of it becomes a line") {
  for (std::size_t const length :
       {std::size_t{512}, std::size_t{4096}, std::size_t{65'535}, std::size_t{65'536}, std::size_t{70'000}, std::size_t{150'000}})
    for (std::size_t const most : {std::size_t{512}, LineReader::room, LineReader::room * 2}) {
      INFO(length << " with " << most);
      std::string const line = "BEGIN" + std::string(length - 5, 'x');
      auto const lines = lines_of("first\n" + line + "\nlast\n", 1 << 20, most);
      REQUIRE(lines.size() == 3);
      CHECK(lines[0] == "first\n");
      std::size_t const limit = std::min(most, LineReader::room);
      CHECK(lines[1] == (length < limit ? line + "\n" : "!" + line.substr(0, limit)));
      CHECK(lines[2] == "last\n");
    }
}

TEST_CASE("bulk and lines come from one buffer") {
  auto [ours, theirs] = *stream_pair();
  auto const reader = std::make_unique<LineReader>(theirs.number());
  REQUIRE(write_all(ours.number(), "DATA\nbulk..NEXT\n"));
  CHECK((*reader->next(512, Deadline::in(5s)))->bytes.bytes() == "DATA\n");
  CHECK_FALSE(reader->nothing_waiting());
  auto const some = reader->some(Deadline::in(5s));
  REQUIRE(some);
  CHECK(*some == "bulk..NEXT\n");
  reader->consume(6);
  CHECK((*reader->next(512, Deadline::in(5s)))->bytes.bytes() == "NEXT\n");
  CHECK(reader->nothing_waiting());
  REQUIRE(write_all(ours.number(), "injected\n"));
  CHECK_FALSE(reader->some(Deadline::in(5s))->empty());
  reader->forget();
  CHECK(reader->nothing_waiting());
  ours.close();
  CHECK(reader->some(Deadline::in(5s))->empty());
}

TEST_CASE("a line that does not come is a time-out") {
  auto [ours, theirs] = *stream_pair();
  auto const reader = std::make_unique<LineReader>(theirs.number());
  REQUIRE(write_all(ours.number(), "half"));
  auto const line = reader->next(512, Deadline::in(10ms));
  REQUIRE_FALSE(line);
  CHECK(line.error().number() == ETIMEDOUT);
  REQUIRE(write_all(ours.number(), " line\n"));
  CHECK((*reader->next(512, Deadline::in(5s)))->bytes.bytes() == "half line\n");  // nothing was lost
}
