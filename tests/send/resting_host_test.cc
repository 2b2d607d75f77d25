#include "send/resting_host.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("a line of state/destinations comes back as it was") {
  RestingHost const hosts[] = {{"example.org", 1'795'331'420, 1, "4.4.1 example.org: no host took the connection"},
                               {"relay.example:587 alice", 0, 255, ""},
                               {"[192.0.2.1]:25", 1, 7, "-"},
                               {"b\xc3\xbc"
                                "cher.example",
                                1, 7, "= \" \\ \xff\n"}};
  for (const RestingHost& host : hosts) {
    std::string const line = host.encoded();
    CAPTURE(line);
    REQUIRE(line.back() == '\n');
    CHECK(line.find('\n') == line.size() - 1);
    auto const back = RestingHost::parse(Wire{std::string_view{line}.substr(0, line.size() - 1)});
    REQUIRE(back);
    CHECK(back->name == host.name);
    CHECK(back->until == host.until);
    CHECK(back->rests == host.rests);
    CHECK(back->text == host.text);
  }
}

TEST_CASE("a line that is no such line is an error") {
  for (const char* const bad :
       {"", "example.org", "example.org 1 2", "example.org x 2 -", "example.org 1 256 -", "example.org 1 -1 -", "two..dots 1 2 -",
        "example.org 1 2 two words", "example.org 1 2 ", "- 1 2 -", "example.org 1 2 \\x2"})
    CHECK_FALSE(RestingHost::parse(Wire{std::string_view{bad}}));
}
