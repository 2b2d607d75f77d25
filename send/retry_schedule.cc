#include "send/retry_schedule.h"

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr Seconds first = 5min;
constexpr Seconds longest = 4h;
constexpr Seconds steady = 15min;
constexpr std::uint64_t most_seconds = 5'184'000;
constexpr std::size_t most_lines = 1000;

}  // namespace

RetrySchedule::RetrySchedule() {
  for (Seconds interval = first; interval < longest; interval += interval / 2) intervals_.push_back(interval);
  intervals_.push_back(longest);
}

Result<RetrySchedule> RetrySchedule::parse(const std::vector<std::string>& lines) {
  RetrySchedule schedule;
  if (lines.empty()) return schedule;
  schedule.intervals_.clear();
  if (lines.size() == 1 && lines.front() == "steady") {
    schedule.intervals_.push_back(steady);
    return schedule;
  }
  if (lines.size() > most_lines) return permanent("control/retryschedule: more than 1000 lines");
  for (const std::string& line : lines) {
    auto const seconds = parse_number(Wire{line}, most_seconds);
    if (!seconds || *seconds == 0)
      return permanent("control/retryschedule: neither seconds, 1 to 5184000, nor the one word steady:", line);
    schedule.intervals_.emplace_back(static_cast<std::int64_t>(*seconds));
  }
  return schedule;
}

Seconds RetrySchedule::interval(unsigned tries) const {
  std::size_t const at = tries == 0 ? 0 : tries - 1;
  return at < intervals_.size() ? intervals_[at] : intervals_.back();
}

}  // namespace postern
