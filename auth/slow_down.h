// slow_down - failures make the next answers slower, by client and by account; nobody is ever locked out
//
// Each failure counts one, and one is forgotten every two minutes. An address may fail three times, an account five times,
// before it costs anything; then the wait doubles, up to most_wait. The table is bounded: where it is full, the one of a few
// with the fewest failures makes room.
#pragma once

#include <string>
#include <unordered_map>

#include "lib/core/clock.h"

namespace postern {

class SlowDown {
 public:
  static constexpr Milliseconds forgets_one = 2min;
  static constexpr unsigned most_failures = 12;
  static constexpr unsigned free_failures = 3;
  static constexpr Milliseconds first_wait = 250ms;
  static constexpr Milliseconds most_wait = 16s;
  static constexpr std::size_t most_keys = 8192;

  // Failures before the first of a key cost anything are `more` than free_failures.
  Milliseconds wait(const std::string& key, unsigned more, Milliseconds now) const;
  void count(const std::string& key, Milliseconds now);
  std::size_t size() const { return failures_.size(); }

 private:
  struct Failures {
    unsigned count;
    Milliseconds since;  // when the count was right
  };
  static unsigned count_now(const Failures& failures, Milliseconds now);
  void make_room(Milliseconds now);

  std::unordered_map<std::string, Failures> failures_;
  std::size_t next_bucket_ = 0;
};

}  // namespace postern
