#include "send/retry_schedule.h"

#include <algorithm>

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr Seconds first = 5min;
constexpr Seconds longest = 4h;
constexpr Seconds steady = 15min;
constexpr std::uint64_t most_seconds = 5'184'000;
constexpr std::size_t most_intervals = 1000;
constexpr std::string_view steady_word = "steady";

}  // namespace

RetrySchedule::RetrySchedule() {
  for (Seconds interval = first; interval < longest; interval += interval / 2) intervals_.push_back(interval);
  intervals_.push_back(longest);
}

Status RetrySchedule::add(std::string_view word) {
  if (word == steady_word && intervals_.empty()) {
    intervals_.push_back(steady);
    is_steady_ = true;
    return Done{};
  }
  auto const seconds = parse_number(Wire{word}, most_seconds);
  if (!seconds || *seconds == 0 || is_steady_ || intervals_.size() == most_intervals)
    return permanent("control/retryschedule: neither seconds, 1 to 5184000 and at most 1000 of them, nor the one word steady:",
                     word);
  intervals_.emplace_back(static_cast<std::int64_t>(*seconds));
  return Done{};
}

Result<DomainValues<RetrySchedule>> parse_retry_schedules(const std::vector<std::string>& lines) {
  RetrySchedule usual{RetrySchedule::Empty{}};
  DomainValues<RetrySchedule> schedules{RetrySchedule{}};
  for (const std::string& line : lines) {
    auto const [name, value] = split_named_value(line);
    if (name.empty()) {
      TRY(usual.add(value));
      continue;
    }
    RetrySchedule own{RetrySchedule::Empty{}};
    for (std::string_view rest = value; !rest.empty();) {
      std::size_t const end = std::min(rest.find(' '), rest.size());
      TRY(own.add(rest.substr(0, end)));
      rest = trimmed(rest.substr(end));
    }
    if (own.intervals_.empty()) return permanent("control/retryschedule: no seconds behind the name:", line);
    schedules.set(name, std::move(own));
  }
  if (!usual.intervals_.empty()) schedules.set(std::move(usual));
  return schedules;
}

Seconds RetrySchedule::interval(unsigned tries) const {
  std::size_t const at = tries == 0 ? 0 : tries - 1;
  return at < intervals_.size() ? intervals_[at] : intervals_.back();
}

}  // namespace postern
