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

TEST_CASE("control/retryschedule replaces it") {
  auto const listed = RetrySchedule::parse({"1", "60", "5184000"});
  REQUIRE(listed);
  CHECK(listed->interval(1).count() == 1);
  CHECK(listed->interval(2).count() == 60);
  CHECK(listed->interval(3).count() == 5'184'000);
  CHECK(listed->interval(4).count() == 5'184'000);
  auto const steady = RetrySchedule::parse({"steady"});
  REQUIRE(steady);
  CHECK(steady->interval(1).count() == 900);
  CHECK(steady->interval(500).count() == 900);
  auto const empty = RetrySchedule::parse({});
  REQUIRE(empty);
  CHECK(empty->interval(1).count() == 300);
  for (const char* const bad : {"0", "5184001", "x", "-1", "1h", "steady "}) CHECK_FALSE(RetrySchedule::parse({bad}));
  CHECK_FALSE(RetrySchedule::parse({"steady", "60"}));
  CHECK_FALSE(RetrySchedule::parse(std::vector<std::string>(1001, "1")));
}
