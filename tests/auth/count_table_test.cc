// The counts of countd at given times: nothing more than a limit gets through in any minute, hour or day; and who floods a full
// table with keys pushes out neither what was counted often nor what has begun.
#include "auth/count_table.h"

#include <catch2/catch.hpp>

#include "lib/core/number.h"

using namespace postern;

namespace {

constexpr Seconds start = 1'000'000s;

CountRequest take(std::string key, std::uint64_t amount = 1, CountLimits limits = {}) {
  return {CountRequest::Kind::take, std::move(key), amount, limits};
}
CountRequest give_back(std::string key, std::uint64_t amount) {
  return {CountRequest::Kind::give_back, std::move(key), amount, {}};
}
CountRequest query(std::string key) { return {CountRequest::Kind::query, std::move(key), 0, {}}; }

Counted counts(std::uint64_t minute, std::uint64_t hour, std::uint64_t day) { return {true, false, minute, hour, day}; }

}  // namespace

TEST_CASE("counts of a minute, an hour and a day") {
  CountTable table{100};
  CHECK(table.answer(query("a"), start) == counts(0, 0, 0));
  CHECK(table.size() == 0);
  CHECK(table.answer(take("a", 3), start) == counts(3, 3, 3));
  CHECK(table.answer(take("a"), start + 30s) == counts(4, 4, 4));
  CHECK(table.answer(query("b"), start + 30s) == counts(0, 0, 0));
  CHECK(table.answer(query("a"), start + 59s) == counts(4, 4, 4));
  CHECK(table.answer(query("a"), start + 75s) == counts(1, 4, 4));
  CHECK(table.answer(query("a"), start + 110s) == counts(0, 4, 4));
  CHECK(table.answer(query("a"), start + 3599s) == counts(0, 4, 4));
  CHECK(table.answer(query("a"), start + 2h) == counts(0, 0, 4));
  CHECK(table.answer(query("a"), start + 24h - 1s) == counts(0, 0, 4));
  CHECK(table.answer(query("a"), start + 26h) == counts(0, 0, 0));
  CHECK(table.answer(take("a"), start + 10000h) == counts(1, 1, 1));
}

TEST_CASE("a limit holds in any stretch of its length") {
  struct Case {
    CountLimits limits;
    Seconds length, step;
    std::uint64_t most;
  };
  Case const cases[] = {
      {{5, 0, 0}, 60s, 1s, 5}, {{0, 20, 0}, 3600s, 37s, 20}, {{0, 0, 50}, 24h, 411s, 50}, {{3, 40, 100}, 24h, 13s, 100}};
  for (auto const& [limits, length, step, most] : cases) {
    CountTable table{10};
    std::vector<Seconds> granted;
    for (Seconds now = start; now < start + 3 * length; now += step)
      if (table.answer(take("a", 1, limits), now).is_within) granted.push_back(now);
    CHECK(granted.size() >= 2 * most);  // and it does not starve
    for (std::size_t i = 0; i + most < granted.size(); ++i) CHECK(granted[i + most] - granted[i] >= length);
  }
}

TEST_CASE("a refusal counts nothing, and is told once") {
  CountTable table{10};
  CountLimits const limits{0, 10, 0};
  CHECK(table.answer(take("a", 9, limits), start) == counts(9, 9, 9));
  CHECK(table.answer(take("a", 2, limits), start) == Counted{false, true, 9, 9, 9});
  CHECK(table.answer(take("a", 2, limits), start) == Counted{false, false, 9, 9, 9});
  CHECK(table.answer(take("a", 1, limits), start) == counts(10, 10, 10));  // kept, but not half empty
  CHECK(table.answer(take("a", 1, limits), start) == Counted{false, false, 10, 10, 10});
  CHECK(table.answer(take("a", 1, {3, 0, 0}), start) == Counted{false, true, 10, 10, 10});  // another limit
  CHECK(table.answer(take("a", 6, limits), start + 2h) == counts(6, 6, 16));
  CHECK(table.answer(take("a", 6, limits), start + 2h) == Counted{false, true, 6, 6, 16});  // anew
  CHECK(table.answer(take("b", 11, limits), start) == Counted{false, true, 0, 0, 0});
  CHECK(table.answer(take("b", 11, limits), start) ==
        Counted{false, true, 0, 0, 0});  // nothing was counted since: no more than half
}

TEST_CASE("what is given back is free again, and never less than nothing") {
  CountTable table{10};
  table.answer(take("a", 5), start);
  table.answer(take("a", 5), start + 45s);
  CHECK(table.answer(give_back("a", 6), start + 45s) == counts(4, 4, 4));
  CHECK(table.answer(query("a"), start + 80s) == counts(0, 4, 4));
  CHECK(table.answer(give_back("a", 100), start + 80s) == counts(0, 0, 0));
  CHECK(table.answer(give_back("b", 1), start) == counts(0, 0, 0));
  CHECK(table.size() == 1);
}

TEST_CASE("counts stop growing where their room ends") {
  CountTable table{10};
  Counted last;
  for (int i = 0; i < 10; ++i) last = table.answer(take("a", count_most), start);
  CHECK(last.minute == 0xffffffffu);
  CHECK_FALSE(table.answer(take("a", count_most, {0, 0, count_most}), start).is_within);
}

TEST_CASE("a clock that stands still or is asked for the past changes nothing") {
  CountTable table{10};
  table.answer(take("a", 5), start);
  CHECK(table.answer(query("a"), start - 1000s) == counts(5, 5, 5));
  CHECK(table.answer(take("a", 1), start - 1000s) == counts(6, 6, 6));
}

TEST_CASE("a flood of keys does not reset what was counted often") {
  constexpr std::size_t most = 1600;
  CountTable table{most};
  for (int i = 0; i < 200; ++i) table.answer(take("guesser"), start);
  for (int i = 0; i < 5; ++i) table.answer(take("few"), start);
  for (std::uint64_t i = 0; i < 100'000; ++i) table.answer(take("k" + decimal(i)), start + 1s);
  CHECK(table.size() == most);
  CHECK(table.answer(query("guesser"), start + 1s).day == 200);
  CHECK(table.answer(query("few"), start + 1s).day == 5);
}

TEST_CASE("keys that were all counted often leave room for new ones to be counted") {
  constexpr std::size_t most = 1600;
  CountTable table{most};
  for (std::uint64_t i = 0; i < most; ++i) table.answer(take("k" + decimal(i), 1000), start);
  for (std::uint64_t i = 0; i < 50; ++i) table.answer(take("new" + decimal(i)), start);
  for (std::uint64_t i = 0; i < most; ++i) table.answer(take("more" + decimal(i), 1000), start);  // the flood goes on
  for (std::uint64_t i = 0; i < 50; ++i) CHECK(table.answer(take("new" + decimal(i)), start).day == 2);
}

TEST_CASE("what has been silent for longer than a day goes first") {
  CountTable table{160};
  for (std::uint64_t i = 0; i < 80; ++i) table.answer(take("old" + decimal(i), 1000), start);
  for (std::uint64_t i = 0; i < 80; ++i) table.answer(take("young" + decimal(i)), start + 26h);
  for (std::uint64_t i = 0; i < 80; ++i) table.answer(take("new" + decimal(i)), start + 26h);
  CHECK(table.size() == 160);
  for (std::uint64_t i = 0; i < 80; ++i) {
    CHECK(table.answer(query("young" + decimal(i)), start + 26h).day == 1);
    CHECK(table.answer(query("new" + decimal(i)), start + 26h).day == 1);
  }
}
