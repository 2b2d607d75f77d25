#include "lib/core/clock.h"

#include <ctime>
#include <limits>

namespace postern {

WallTime wall_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return WallTime{Microseconds{std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000}};
}

Milliseconds monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Milliseconds{std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000};
}

Deadline Deadline::in(Milliseconds wait) { return Deadline{monotonic_now().count() + wait.count()}; }

Deadline Deadline::never() { return Deadline{std::numeric_limits<std::int64_t>::max()}; }

bool Deadline::has_passed() const {
  return at_ != std::numeric_limits<std::int64_t>::max() && monotonic_now().count() >= at_;
}

int Deadline::poll_timeout() const {
  if (at_ == std::numeric_limits<std::int64_t>::max()) return -1;
  std::int64_t const left = at_ - monotonic_now().count();
  if (left <= 0) return 0;
  return left > 86'400'000 ? 86'400'000 : static_cast<int>(left) + 1;
}

}  // namespace postern
