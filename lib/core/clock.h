// clock - the time of day, time-outs, and nothing that the time of day could break
//
// Times in files and headers are wall clock; waiting is measured on the monotonic clock, which no clock step moves.
#pragma once

#include <chrono>
#include <cstdint>

namespace postern {

using namespace std::chrono_literals;
using Seconds = std::chrono::seconds;
using Milliseconds = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;

using WallTime = std::chrono::time_point<std::chrono::system_clock, Microseconds>;
WallTime wall_now();

// An instant on the monotonic clock by which something must have happened.
class Deadline {
 public:
  static Deadline in(Milliseconds wait);
  static Deadline never();
  bool has_passed() const;
  int poll_timeout() const;  // milliseconds left, rounded up, as poll(2) takes them; -1 is never
  Deadline or_sooner(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  explicit Deadline(std::int64_t at) : at_(at) {}
  std::int64_t at_;  // milliseconds of CLOCK_MONOTONIC
};

Milliseconds monotonic_now();

}  // namespace postern
