#include "send/destination_health.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

constexpr Tick second = ticks_a_second;

// s: a success, a: an answer that took nothing, f: a failure; then the window, and how long it rests in seconds.
struct Case {
  Lane lane;
  const char* events;
  std::uint32_t window;
  Tick rest;
};

}  // namespace

TEST_CASE("windows and rests of mailboxes and hosts") {
  Case const cases[] = {
      {Lane::local, "", 2, 0},
      {Lane::local, "sss", 5, 0},
      {Lane::local, "sssssssssss", 10, 0},
      {Lane::local, "ssssssf", 4, 0},
      {Lane::local, "ffff", 1, 0},
      {Lane::local, "fffff", 1, 300},
      {Lane::local, "ffffsf", 1, 0},
      {Lane::local, "afffff", 1, 300},
      {Lane::remote, "", 1, 0},
      {Lane::remote, "s", 2, 0},
      {Lane::remote, "a", 1, 0},
      {Lane::remote, "sssssssssss", 10, 0},
      {Lane::remote, "f", 1, 300},
      {Lane::remote, "ff", 1, 450},
      {Lane::remote, "fff", 1, 675},
      {Lane::remote, "ssssssf", 3, 10},
      {Lane::remote, "ssssssff", 1, 20},
      {Lane::remote, "sfff", 1, 40},
      {Lane::remote, "sffff", 1, 80},
      {Lane::remote, "sfffff", 1, 300},
      {Lane::remote, "sffffff", 1, 450},
      {Lane::remote, "sffffffaf", 1, 10},
      {Lane::remote, "af", 1, 10},
      {Lane::remote, "fsfsf", 1, 10},
      {Lane::remote, "sssssssfss", 4, 0},
      {Lane::remote, "sssssssfsssss", 5, 0},  // slowly again above half: 4 for 4, 5 for 4 more
  };
  RetrySchedule const schedule;
  for (auto const& [lane, events, window, rest] : cases) {
    CAPTURE(events);
    Health health{lane};
    Tick now = 1;
    for (const char* event = events; *event; ++event) {
      now = std::max(now, health.rest_until());
      if (*event == 's' || *event == 'a') health.answered(now);
      if (*event == 's') health.succeeded(10);
      if (*event == 'f') health.failed(schedule, now);
    }
    CHECK(health.window() == window);
    CHECK((health.is_resting(now) ? health.rest_until() - now : 0) == rest * second);
  }
}

TEST_CASE("of the failures that were under way when a rest began only the first counts") {
  Health health{Lane::remote};
  RetrySchedule const schedule;
  for (int i = 0; i < 8; ++i) {
    health.answered(0);
    health.succeeded(20);
  }
  CHECK(health.failed(schedule, 5));
  CHECK(health.window() == 4);
  for (int i = 0; i < 8; ++i) CHECK_FALSE(health.failed(schedule, 6));
  CHECK(health.window() == 4);
  CHECK(health.rest_until() == 5 + 10 * second);
}

TEST_CASE("an answer shows that a host is not dead: what was a long rest ends soon") {
  Health health{Lane::remote};
  CHECK(health.failed(RetrySchedule{}, 0));
  CHECK(health.rests() == 1);
  health.answered(100);
  CHECK(health.rests() == 0);
  CHECK(health.rest_until() == 100 + 10 * second);
}
