// count_table - how often something happened in the last minute, hour and day: a bounded number of keys
//
// A window is counted in parts (of 10 seconds, 5 minutes, 1 hour): its count has everything of the last minute, hour or day
// in it, and at most what happened in one part before. So nobody gets more than a limit says within any such time.
//
// A table that is full forgets a key for a new one: one that has been silent for longer than a day, else the one that was
// counted longest ago among those with few counts. Keys are ranked by the power of two of their day's count, and no rank
// is forgotten from while it has no more than a sixteenth of the table: floods of new keys push out each other, and
// neither those that were counted often nor those that have just begun.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/net/count_client.h"

namespace postern {

// Counts of the last `parts` spans of `seconds` each, and of the one that has begun.
template <std::size_t parts, std::uint32_t seconds>
class SlidingCount {
 public:
  std::uint64_t at(Seconds now) {
    roll(now);
    std::uint64_t sum = 0;
    for (std::uint32_t const part : parts_) sum += part;
    return sum;
  }
  void add(Seconds now, std::uint64_t amount);
  void take_back(Seconds now, std::uint64_t amount);  // the newest first

 private:
  static constexpr std::size_t room = parts + 1;
  void roll(Seconds now);
  std::array<std::uint32_t, room> parts_{};
  std::uint64_t last_ = 0;  // number of the span that has begun, since the clock's own beginning
};

class CountTable {
 public:
  explicit CountTable(std::size_t most_keys) : most_(most_keys) {}
  CountTable(const CountTable&) = delete;
  CountTable& operator=(const CountTable&) = delete;

  // `now` is of a clock that never goes back.
  Counted answer(const CountRequest& request, Seconds now);
  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr std::size_t ranks = 8;
  struct Entry;
  using Entries = std::map<std::string, Entry, std::less<>>;  // ordered: no choice of keys makes it slow
  using Order = std::list<Entries::iterator>;                 // longest untouched first
  struct Entry {
    SlidingCount<6, 10> minute;
    SlidingCount<12, 300> hour;
    SlidingCount<24, 3600> day;
    unsigned refused = 0;  // bits of the windows whose refusal was told
    std::size_t rank = 0;
    Seconds touched{0};
    Order::iterator place;
  };
  Entry& entry_of(std::string_view key, Seconds now);
  void make_room(Seconds now);
  void forget(Entries::iterator entry);
  void touch(Entry& entry, Seconds now);
  static Counted counts_of(Entry& entry, Seconds now);
  static Counted take(Entry& entry, const CountRequest& request, Seconds now);

  std::size_t most_;
  Entries entries_;
  std::array<Order, ranks> orders_;
};

}  // namespace postern
