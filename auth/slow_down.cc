#include "auth/slow_down.h"

#include <algorithm>

namespace postern {
namespace {
constexpr unsigned looked_at = 16;  // before one makes room
}

unsigned SlowDown::count_now(const Failures& failures, Milliseconds now) {
  auto const forgotten = static_cast<std::uint64_t>((now - failures.since) / forgets_one);
  return forgotten >= failures.count ? 0 : failures.count - static_cast<unsigned>(forgotten);
}

Milliseconds SlowDown::wait(const std::string& key, unsigned more, Milliseconds now) const {
  auto const found = failures_.find(key);
  unsigned const count = found == failures_.end() ? 0 : count_now(found->second, now);
  if (count <= free_failures + more) return 0ms;
  return std::min(most_wait, first_wait * (1 << (count - free_failures - more - 1)));
}

void SlowDown::count(const std::string& key, Milliseconds now) {
  auto found = failures_.find(key);
  if (found == failures_.end()) {
    if (failures_.size() >= most_keys) make_room(now);
    found = failures_.emplace(key, Failures{0, now}).first;
  }
  Failures& failures = found->second;
  unsigned const left = count_now(failures, now);
  // The part of an interval that has passed counts on, or failures at shorter ones would never be forgotten.
  failures.since = left == 0 ? now : now - (now - failures.since) % forgets_one;
  failures.count = std::min(most_failures, left + 1);
}

// Looks at a few, from where it looked last: what nobody counts any more goes for certain, sooner or later.
void SlowDown::make_room(Milliseconds now) {
  const std::string* least = nullptr;
  unsigned fewest = 0, seen = 0;
  for (std::size_t i = 0; i < failures_.bucket_count() && seen < looked_at; ++i) {
    next_bucket_ = (next_bucket_ + 1) % failures_.bucket_count();
    for (auto at = failures_.begin(next_bucket_); at != failures_.end(next_bucket_); ++at, ++seen) {
      unsigned const count = count_now(at->second, now);
      if (least && count >= fewest) continue;
      least = &at->first;
      fewest = count;
    }
  }
  if (least) failures_.erase(std::string{*least});
}

}  // namespace postern
