#include "send/retry_schedule.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("retries come after 5 minutes, growing by half to 4 hours") {
  RetrySchedule const schedule;
  std::int64_t const seconds[] = {300, 450, 675, 1012, 1518, 2277, 3415, 5122, 7683, 11'524, 14'400, 14'400};
  for (unsigned i = 0; i < std::size(seconds); ++i) CHECK(schedule.interval(i + 1).count() == seconds[i]);
  CHECK(schedule.interval(65'535).count() == 14'400);
  CHECK(schedule.interval(0).count() == 300);
}

TEST_CASE("control/retryschedule replaces it, for all destinations or for some") {
  using Lines = std::vector<std::string>;
  struct {
    Lines lines;
    std::string_view destination;
    unsigned tries;
    std::int64_t seconds;
  } const cases[] = {
      {{"1", "60", "5184000"}, "any.example", 1, 1},
      {{"1", "60", "5184000"}, "any.example", 2, 60},
      {{"1", "60", "5184000"}, "any.example", 3, 5'184'000},
      {{"1", "60", "5184000"}, "any.example", 4, 5'184'000},
      {{"steady"}, "any.example", 1, 900},
      {{"steady"}, "any.example", 500, 900},
      {{}, "any.example", 1, 300},
      {{"a.example:60 600"}, "a.example", 1, 60},
      {{"a.example:60 600"}, "a.example", 9, 600},
      {{"a.example:60 600"}, "b.example", 1, 300},
      {{"7", "A.example:steady", "8"}, "a.example", 3, 900},
      {{"7", "a.example:steady", "8"}, "other.example", 2, 8},
      {{".a.example:5"}, "x.y.a.example", 1, 5},
      {{".a.example:5", "y.a.example:6", ".y.a.example:7"}, "x.y.a.example", 1, 7},
      {{".a.example:5", "y.a.example:6"}, "y.a.example", 1, 6},
      {{".a.example:5"}, "a.example", 1, 300},
      {{"relay.example:587:9"}, "relay.example:587 alice", 1, 9},
      {{"[192.0.2.1]:9"}, "[192.0.2.1]", 1, 9},
      {{"[192.0.2.1]:25:9"}, "[192.0.2.1]", 1, 300},
  };
  for (auto const& [lines, destination, tries, seconds] : cases) {
    CAPTURE(lines, destination, tries);
    auto const schedules = parse_retry_schedules(lines);
    REQUIRE(schedules);
    CHECK(schedules->of(destination).interval(tries).count() == seconds);
  }
  for (const char* const bad :
       {"0", "5184001", "x", "-1", "1h", "steady ", "a.example:", "a.example:x", "a.example:5 0", "a.example:steady 5"})
    CHECK_FALSE(parse_retry_schedules({bad}));
  CHECK_FALSE(parse_retry_schedules({"steady", "60"}));
  CHECK_FALSE(parse_retry_schedules(Lines(1001, "1")));
}
