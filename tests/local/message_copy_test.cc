#include "local/message_copy.h"

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/core/crc32c.h"
#include "lib/os/fd.h"
#include "lib/os/io.h"

using namespace postern;

namespace {

bool loops(std::string_view message, std::size_t piece) {
  LoopWatch watch{"bob@here.example"};
  for (; !message.empty(); message.remove_prefix(piece < message.size() ? piece : message.size())) watch.see(message.substr(0, piece));
  return watch.is_loop();
}

Fd memory_file() { return Fd{memfd_create("test", 0)}; }

}  // namespace

TEST_CASE("a Delivered-To of the same address is a loop, in whatever pieces it comes") {
  constexpr struct {
    const char* message;
    bool loop;
  } cases[] = {
      {"Delivered-To: bob@here.example\n\nx", true},
      {"X: y\ndelivered-to:BOB@here.EXAMPLE  \n\nx", true},
      {"Delivered-To: alice@here.example\n\nx", false},
      {"X: y\n\nDelivered-To: bob@here.example\n", false},  // the body
      {"Delivered-To: bob@here.example", false},              // no line end: not a field yet
      {"X-Delivered-To: bob@here.example\n\n", false},
      {"", false},
  };
  for (auto const& [message, loop] : cases)
    for (std::size_t piece = 1; piece < 20; ++piece) {
      CAPTURE(message, piece);
      CHECK(loops(message, piece) == loop);
    }
}

TEST_CASE("a header line without end takes no memory") {
  LoopWatch watch{"bob@here.example"};
  std::string const piece(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) watch.see(piece);
  CHECK_FALSE(watch.is_loop());
}

TEST_CASE("a copy has what stands in front, the bytes, and nothing when a bit is wrong") {
  for (std::size_t const size : {std::size_t{0}, std::size_t{1}, std::size_t{65535}, std::size_t{65536}, std::size_t{65537}, std::size_t{200'000}}) {
    std::string message(size, 'm');
    Fd const from = memory_file();
    REQUIRE(pwrite_all(from.number(), message, Frame::size));
    Frame frame;
    frame.message_length = size;
    frame.message_crc = crc32c(0, message);
    Fd const to = memory_file();
    REQUIRE(copy_message(from.number(), frame, "In-Front: yes\n", "bob@here.example", to.number()));
    std::string copy(size + 14, '\0');
    REQUIRE(pread_exactly(to.number(), copy, 0));
    CHECK(copy == "In-Front: yes\n" + message);

    frame.message_crc ^= 1;
    auto const damaged = copy_message(from.number(), frame, "", "bob@here.example", memory_file().number());
    REQUIRE_FALSE(damaged);
    CHECK_FALSE(damaged.error().is_permanent());  // it waits for the operator; the sender is told nothing wrong
  }
}

TEST_CASE("a message that begins with a blank does not go on with our last field in front of it") {
  constexpr struct {
    std::string_view message, in_front, copy;
  } cases[] = {
      {" spf=pass\nSubject: x\n", "A: b\n", "A: b\n\n spf=pass\nSubject: x\n"},
      {"\tspf=pass\n", "A: b\n", "A: b\n\n\tspf=pass\n"},
      {"\n spf=pass\n", "A: b\n", "A: b\n\n spf=pass\n"},
      {" x\n", "", " x\n"},
      {"Subject: x\n y\n", "A: b\n", "A: b\nSubject: x\n y\n"},
  };
  for (auto const& [message, in_front, wanted] : cases) {
    CAPTURE(message);
    Fd const from = memory_file();
    REQUIRE(pwrite_all(from.number(), message, Frame::size));
    Frame frame;
    frame.message_length = message.size();
    frame.message_crc = crc32c(0, message);
    Fd const to = memory_file();
    REQUIRE(copy_message(from.number(), frame, in_front, "bob@here.example", to.number()));
    std::string copy(wanted.size() + 1, '\0');
    ssize_t const length = pread(to.number(), copy.data(), copy.size(), 0);
    REQUIRE(length >= 0);
    CHECK(copy.substr(0, static_cast<std::size_t>(length)) == wanted);
  }
}
