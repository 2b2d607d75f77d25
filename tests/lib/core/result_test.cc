// Tests of lib/core/result, wire and clock.
#include "lib/core/result.h"

#include <catch2/catch.hpp>
#include <memory>

#include "lib/core/clock.h"
#include "lib/core/wire.h"

using namespace postern;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return permanent("half: odd");
  return number / 2;
}

Result<int> quarter(int number) {
  int const once = TRY(half(number));
  return TRY(half(once));
}

static_assert(!std::is_constructible_v<Wire, std::string&&>, "a Wire cannot look at a temporary");

}  // namespace

TEST_CASE("TRY gives the value or leaves with the error") {
  CHECK(*quarter(8) == 2);
  CHECK_FALSE(quarter(7));
  CHECK_FALSE(quarter(6));
  CHECK(quarter(6).error().text() == "half: odd");
  CHECK(quarter(6).error().is_permanent());
}

TEST_CASE("results move what can only be moved") {
  Result<std::unique_ptr<int>> result{std::make_unique<int>(5)};
  std::unique_ptr<int> const taken = *std::move(result);
  CHECK(*taken == 5);
}

TEST_CASE("an error says what, where and why") {
  errno = ENOENT;
  Error const missing = system_error("open", "control/me");
  CHECK(missing.text() == "open control/me: No such file or directory");
  CHECK(missing.fate() == Fate::temporary);
  CHECK(missing.number() == ENOENT);
  CHECK(missing.what() == "open");
  CHECK(missing.where() == "control/me");
  CHECK(temporary("not now").text() == "not now");
  CHECK_FALSE(temporary("not now").is_permanent());
  CHECK(Error{Fate::permanent, "call", "it", 99999}.text() == "call it: unknown error");
}

TEST_CASE("where is cut at 95 bytes and is a copy") {
  std::string where(95, 'a');
  CHECK(permanent("x", where).where() == where);
  where += 'b';
  Error const error = permanent("x", where);
  CHECK(error.where() == std::string(95, 'a'));
  where.assign(96, 'z');
  CHECK(error.where() == std::string(95, 'a'));
  CHECK(permanent("x", std::string(100000, 'c')).where().size() == 95);
}

TEST_CASE("a deadline passes, never does not, and the sooner one wins") {
  CHECK(Deadline::in(0ms).has_passed());
  CHECK(Deadline::in(-5s).poll_timeout() == 0);
  CHECK_FALSE(Deadline::in(1h).has_passed());
  CHECK(Deadline::in(1h).poll_timeout() > 3'599'000);
  CHECK(Deadline::in(std::chrono::hours{240}).poll_timeout() == 86'400'000);
  CHECK_FALSE(Deadline::never().has_passed());
  CHECK(Deadline::never().poll_timeout() == -1);
  CHECK(Deadline::never().or_sooner(Deadline::in(0ms)).has_passed());
  CHECK_FALSE(Deadline::never().or_sooner(Deadline::in(1h)).has_passed());
}

TEST_CASE("the clocks go forward") {
  auto const wall = wall_now();
  auto const steady = monotonic_now();
  CHECK(wall.time_since_epoch() > std::chrono::hours{24 * 365 * 50});
  CHECK(wall_now() >= wall);
  CHECK(monotonic_now() >= steady);
}
