#include "pop3d/pop3_command.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("a line of a POP3 client") {
  auto const command = Pop3Command::parse(Wire{"pass  two words \r\n"});
  REQUIRE(command);
  CHECK(command->is("PASS"));
  CHECK(command->argument == " two words ");
  CHECK(Pop3Command::parse(Wire{"NOOP\n"})->argument.empty());
  CHECK_FALSE(Pop3Command::parse(Wire{"NOOP\n"})->has_argument);
  CHECK(Pop3Command::parse(Wire{"NOOP \n"})->has_argument);
  using namespace std::string_view_literals;
  for (std::string_view const line :
       {""sv, "\r\n"sv, " NOOP\r\n"sv, "NO\0OP\r\n"sv, "NOOP\rSTAT\r\n"sv, "N-OP\r\n"sv, "AVERYLONGVERB\r\n"sv, "\xff\r\n"sv}) {
    CAPTURE(line);
    CHECK_FALSE(Pop3Command::parse(Wire{line}));
  }
}

TEST_CASE("numbers of messages") {
  CHECK(message_number("1") == 1u);
  CHECK(message_number("12 ") == 12u);
  for (const char* const text : {"", "0", "-1", "+1", "1 1", " 1", "x", "4294967297", "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(message_number(text));
  }
  CHECK(message_and_lines("3 0") == std::pair{3u, std::uint64_t{0}});
  CHECK(message_and_lines("3 10 ") == std::pair{3u, std::uint64_t{10}});
  for (const char* const text : {"3", "3 ", "0 1", "3 -1", "3 x", "3  1", "3 1 1"}) CHECK_FALSE(message_and_lines(text));
}
