// Tests of lib/os/io: a deadline holds against a peer that takes nothing, or only a part, on blocking descriptors.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/os/io.h"
#include "lib/os/socket.h"

using namespace postern;

namespace {

struct Ends {
  Fd reader, writer;
};

Ends pipe_ends() {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  return {Fd{ends[0]}, Fd{ends[1]}};
}

Ends socket_ends() {
  auto pair = stream_pair();
  REQUIRE(pair.has_value());
  return {std::move(pair->first), std::move(pair->second)};
}

}  // namespace

TEST_CASE("a writer gives up when nobody reads") {
  std::string const much(4u << 20, 'x');
  for (auto const make : {pipe_ends, socket_ends}) {
    Ends const ends = make();
    Status const status = write_all(ends.writer.number(), much, Deadline::in(Milliseconds{50}));
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().number() == ETIMEDOUT);
    CHECK_FALSE(status.error().is_permanent());
  }
}

TEST_CASE("what fits is written in full, in its order, with a deadline and without") {
  for (auto const make : {pipe_ends, socket_ends})
    for (auto const& [first, second] : {std::pair<std::size_t, std::size_t>{5, 3}, {0, 3}, {5, 0}, {0, 0}, {9000, 9000}})
      for (Deadline const deadline : {Deadline::in(Milliseconds{10'000}), Deadline::never()}) {
        Ends ends = make();
        std::string const a(first, 'a'), b(second, 'b');
        REQUIRE(write_all(ends.writer.number(), a, b, deadline).has_value());
        ends.writer.close();
        auto const got = read_all(ends.reader.number(), 1u << 20);
        REQUIRE(got.has_value());
        CHECK(*got == a + b);
      }
}

TEST_CASE("a reader is late even if there is more to read") {
  char room[4];
  for (auto const make : {pipe_ends, socket_ends}) {
    Ends const ends = make();
    REQUIRE(write_all(ends.writer.number(), "abc").has_value());
    auto const late = read_some(ends.reader.number(), room, Deadline::in(Milliseconds{0}));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().number() == ETIMEDOUT);
    auto const in_time = read_some(ends.reader.number(), room, Deadline::in(Milliseconds{10'000}));
    REQUIRE(in_time.has_value());
    CHECK(*in_time == 3);
  }
}

TEST_CASE("a peer that is gone is an error, not a signal") {
  Ends ends = socket_ends();
  ends.reader.close();
  Status const status = write_all(ends.writer.number(), "x", Deadline::in(Milliseconds{10'000}));
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().number() == EPIPE);
}
