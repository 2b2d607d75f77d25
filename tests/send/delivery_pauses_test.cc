// What is paused: words and domains, as the file's lines leave it.
#include "send/delivery_pauses.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("what can be paused") {
  struct Case {
    std::string_view text, scope;
  };
  constexpr Case cases[] = {{"all", "all"},
                            {"local", "local"},
                            {"remote", "remote"},
                            {"@local", "@local"},
                            {"Here.Example", "@here.example"},
                            {"@here.example", "@here.example"},
                            {"[192.0.2.1]", "@[192.0.2.1]"}};
  for (auto const& [text, scope] : cases) {
    auto const parsed = PauseScope::parse(Wire{text});
    REQUIRE(parsed);
    CHECK(parsed->text() == scope);
  }
  for (std::string_view const text : {"", "@", "a b", "a@b", "x\n", "-", "..", "@@x"}) CHECK_FALSE(PauseScope::parse(Wire{text}));
}

TEST_CASE("what is in force") {
  Pauses pauses;
  auto const scope = [](std::string_view text) { return *PauseScope::parse(Wire{text}); };
  CHECK(pauses.add(scope("here.example"), {1, 2}));
  CHECK_FALSE(pauses.add(scope("@Here.example"), {3, 4}));
  CHECK(pauses.all().at("@here.example").uid == 2);
  CHECK(pauses.stops_domain("here.example"));
  CHECK_FALSE(pauses.stops_domain("sub.here.example"));
  CHECK_FALSE(pauses.stops_local());
  CHECK(pauses.add(scope("all"), {}));
  CHECK(pauses.stops_local());
  CHECK(pauses.stops_remote());
  CHECK(pauses.end(scope("all")));
  CHECK_FALSE(pauses.end(scope("all")));
  CHECK(pauses.add(scope("local"), {}));
  CHECK(pauses.stops_local());
  CHECK_FALSE(pauses.stops_remote());
  CHECK(pauses.end(scope("here.example")));
  CHECK_FALSE(pauses.has_domains());
}

TEST_CASE("the file's last word on each counts, and a torn line is nothing") {
  struct Case {
    std::string_view file;
    std::size_t paused;
    std::size_t length;
  };
  constexpr Case cases[] = {{"", 0, 0},
                            {"paused all 1 2\n", 1, 15},
                            {"paused all 1 2\nresumed all 3 4\n", 0, 31},
                            {"paused all 1 2\npaused @x 1 2\npaused @x 1 3", 2, 29},
                            {"resumed all 1 2\npaused all 1 2\n", 1, 31}};
  for (auto const& [file, paused, length] : cases) {
    auto const pauses = Pauses::parse(Wire{file});
    REQUIRE(pauses);
    CHECK(pauses->all().size() == paused);
    CHECK(pauses->whole_length() == length);
  }
  for (std::string_view const file : {"\n", "paused\n", "paused all\n", "paused all 1\n", "paused all x 1\n",
                                      "paused all 1 2 3\n", "ended all 1 2\n", "paused a@b 1 2\n", "paused  1 2\n"})
    CHECK_FALSE(Pauses::parse(Wire{file}));
}
