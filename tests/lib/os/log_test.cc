// Tests of lib/os/log: what a stranger chose never breaks a line, a pair or a terminal.
#include "lib/os/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/core/ascii.h"
#include "lib/os/fd.h"

using namespace postern;

TEST_CASE("each of the 256 bytes is written plain or as \\xNN") {
  constexpr char hex[] = "0123456789abcdef";
  for (int number = 0; number < 256; ++number) {
    char const c = static_cast<char>(number);
    bool const is_plain = number >= 0x21 && number <= 0x7e && c != '=' && c != '"' && c != '\\';
    std::string const expected = is_plain ? std::string{c} : std::string{"\\x"} + hex[number >> 4] + hex[number & 15];
    CHECK(log_quoted(std::string_view{&c, 1}) == expected);
  }
}

TEST_CASE("a value has at most 256 bytes, and says when it was cut") {
  CHECK(log_quoted("") == "");
  CHECK(log_quoted(std::string(256, 'a')) == std::string(256, 'a'));
  CHECK(log_quoted(std::string(257, 'a')) == std::string(253, 'a') + "...");
  CHECK(log_quoted(std::string(64, '\n')).size() == 256);
  CHECK(log_quoted(std::string(64, '\n')).find("...") == std::string::npos);
  CHECK(log_quoted(std::string(65, '\n')) == log_quoted(std::string(63, '\n')) + "...");
  for (std::size_t length = 0; length < 600; ++length)
    for (char const c : {'a', '\n'}) CHECK(log_quoted(std::string(length, c)).size() <= log_value_most);
  for (std::size_t plain = 240; plain <= 256; ++plain)
    CHECK(log_quoted(std::string(plain, 'a') + std::string(10, ' ')).size() <= log_value_most);
}

TEST_CASE("all 256 bytes through every kind of logged field leave one line of pairs") {
  std::string all;
  for (int number = 0; number < 256; ++number) all += static_cast<char>(number);
  for (std::size_t start = 0; start < all.size(); start += 32) {
    std::string_view const part = std::string_view{all}.substr(start, 32);
    LogLine line{"test"};
    line.add("first", part).add("number", std::uint64_t{7}).add("second", part);
    std::string_view rest = line.text();
    std::vector<std::string> keys;
    for (char const c : rest) CHECK((is_graphic(c) || c == ' '));
    while (!rest.empty()) {
      std::size_t const end = rest.find(' ');
      std::string_view const pair = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      std::size_t const equals = pair.find('=');
      REQUIRE(equals != std::string_view::npos);
      CHECK(pair.find('=', equals + 1) == std::string_view::npos);
      CHECK(pair.find('"') == std::string_view::npos);
      keys.emplace_back(pair.substr(0, equals));
    }
    CHECK(keys == std::vector<std::string>{"prog", "pid", "event", "first", "number", "second"});
  }
}

TEST_CASE("a line is one write on descriptor 2") {
  int ends[2];
  REQUIRE(pipe2(ends, O_DIRECT | O_CLOEXEC) == 0);  // keeps writes apart
  Fd const reading{ends[0]}, saved{dup(2)};
  dup2(ends[1], 2);
  close(ends[1]);
  LogLine{"queued"}.add("id", "x y").write();
  LogLine{"second"}.write();
  dup2(saved.number(), 2);
  char room[4096];
  std::string first(room, static_cast<std::size_t>(read(reading.number(), room, sizeof room)));
  std::string const head = "prog=units pid=" + std::to_string(getpid()) + " event=";
  CHECK(first == head + "queued id=x\\x20y\n");
  std::string second(room, static_cast<std::size_t>(read(reading.number(), room, sizeof room)));
  CHECK(second == head + "second\n");
}
