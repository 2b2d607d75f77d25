#include "send/destination_health.h"

#include <algorithm>

namespace postern {
namespace {

constexpr std::uint8_t mailbox_failures = 5;  // in a row, before it rests
constexpr std::uint8_t short_rests = 4;       // of a host that has answered
constexpr Seconds short_rest = 10s;
constexpr std::uint8_t most_counted = 0xff;

Tick ticks_of(Seconds time) { return static_cast<Tick>(time.count()) * ticks_a_second; }

}  // namespace

bool Health::begin_rest(Seconds length, Tick now) {
  rest_until_ = now + ticks_of(length);
  return true;
}

void Health::succeeded(std::uint32_t limit) {
  if (window_ >= limit) return;
  if (window_ < slow_above_) {
    ++window_;
  } else if (++progress_ >= window_) {
    ++window_;
    progress_ = 0;
  }
}

void Health::answered(Tick now) {
  failures_ = rests_ = 0;
  has_answered_ = true;
  rest_until_ = std::min(rest_until_, now + ticks_of(short_rest));  // so it is not dead
}

bool Health::failed(const RetrySchedule& schedule, Tick now) {
  if (lane_ == Lane::remote && is_resting(now)) return false;
  window_ = std::max<std::uint16_t>(1, window_ / 2);
  slow_above_ = window_;
  progress_ = 0;
  if (failures_ < most_counted) ++failures_;
  if (is_resting(now) || (lane_ == Lane::local && failures_ < mailbox_failures)) return false;
  if (lane_ == Lane::remote && has_answered_ && failures_ <= short_rests)
    return begin_rest(short_rest * (1 << (failures_ - 1)), now);
  has_answered_ = false;
  window_ = 1;
  if (rests_ < most_counted) ++rests_;
  return begin_rest(schedule.interval(rests_), now);
}

void Health::remember(std::uint8_t rests, Tick until) {
  rests_ = rests;
  rest_until_ = until;
}

}  // namespace postern
