#include "send/rate_limits.h"

#include <algorithm>

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint64_t parts_a_tick = 1'000'000;
constexpr std::uint64_t minute = 60 * ticks_a_second * parts_a_tick;
constexpr std::uint64_t kept = 3 * ticks_a_second * parts_a_tick;
constexpr std::uint64_t most_a_minute = 1'000'000;
constexpr std::size_t most_learned = 50'000;
constexpr std::string_view group = "mx:";

}  // namespace

Result<RateLimits> RateLimits::parse(const std::vector<std::string>& lines) {
  RateLimits limits;
  for (const std::string& line : lines) {
    auto [name, value] = split_named_value(line);
    auto const count = parse_number(Wire{value}, most_a_minute);
    bool const is_group = name.starts_with(group);
    if (is_group) name.remove_prefix(group.size());
    if (!count || *count == 0 || name.empty())
      return permanent("control/rateperdomain: neither domain:number nor mx:host:number, 1 to 1000000:", line);
    (is_group ? limits.by_host_ : limits.by_destination_).set(name, static_cast<Index>(limits.rules_.size()));
    limits.rules_.push_back({minute / *count});
  }
  return limits;
}

template <class Function>
void RateLimits::for_rules_of(const std::string& destination, Function function) const {
  if (Index const rule = by_destination_.of(destination); rule != no_rule) function(rule);
  auto const host = hosts_.find(destination);
  if (host == hosts_.end()) return;
  if (Index const rule = by_host_.of(host->second); rule != no_rule) function(rule);
}

Tick RateLimits::next_at(const std::string& destination, Tick now) const {
  Tick at = 0;
  for_rules_of(destination, [&](Index rule) {
    std::uint64_t const next = rules_[rule].next;
    if (next > now * parts_a_tick + kept) at = std::max(at, static_cast<Tick>((next - kept + parts_a_tick - 1) / parts_a_tick));
  });
  return at;
}

void RateLimits::spend(const std::string& destination, Tick now) {
  for_rules_of(destination,
               [&](Index rule) { rules_[rule].next = std::max(rules_[rule].next, now * parts_a_tick) + rules_[rule].interval; });
}

void RateLimits::learn(const std::string& destination, const std::string& host) {
  auto const known = hosts_.find(destination);
  if (by_host_.of(host) == no_rule) {
    if (known != hosts_.end()) hosts_.erase(known);
    return;
  }
  if (known != hosts_.end()) {
    known->second = host;
    return;
  }
  if (hosts_.size() >= most_learned) hosts_.clear();
  hosts_.emplace(destination, host);
}

void RateLimits::take_over(RateLimits&& old) { hosts_ = std::move(old.hosts_); }

}  // namespace postern
