// control/checkers: which programs are asked for which login.
#include "lib/mail/checkers.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("lines of control/checkers") {
  struct Case {
    std::string_view line;
    std::size_t words;  // 0: refused
    bool for_alice, for_info, for_other;
  };
  Case const cases[] = {
      {"* /bin/check", 1, true, true, true},
      {"@ shadow", 1, true, false, false},
      {"* shadow", 1, true, true, true},
      {"@example.org /bin/check -x  y", 3, false, true, false},
      {"@Example.ORG\t/bin/check\t", 1, false, true, false},
      {"", 0, false, false, false},
      {"*", 0, false, false, false},
      {"/bin/check", 0, false, false, false},
      {"* check", 0, false, false, false},
      {"* ./check", 0, false, false, false},
      {"* shadow x", 0, false, false, false},
      {"@-bad- /bin/check", 0, false, false, false},
      {"@example.org", 0, false, false, false},
      {"example.org /bin/check", 0, false, false, false},
      {"* /bin/check \x01", 0, false, false, false},
      {"* /1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32", 32, true, true, true},
      {"* /1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33", 0, false, false, false},
  };
  Login const alice = *Login::parse(Wire{"alice"}), info = *Login::parse(Wire{"info@example.org"}),
              other = *Login::parse(Wire{"info@sub.example.org"});
  for (auto const& [line, words, for_alice, for_info, for_other] : cases) {
    INFO(line);
    auto const checker = Checker::parse(Wire{line});
    CHECK(checker.has_value() == (words != 0));
    if (!checker) continue;
    CHECK(checker->words().size() == words);
    CHECK(checker->is_for(alice) == for_alice);
    CHECK(checker->is_for(info) == for_info);
    CHECK(checker->is_for(other) == for_other);
  }
  CHECK_FALSE(parse_checkers({"* /bin/check", "* check"}));
  CHECK(parse_checkers({"* /bin/check", "@ shadow"})->size() == 2);
}
