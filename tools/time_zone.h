// time_zone - local time from a time zone file (RFC 9636), for tools that show times to people
//
// Both halves count: the transitions, and behind the last one the rule in the footer. No program that handles mail reads it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// When summer time begins or ends in each year.
struct ZoneChange {
  enum class Kind : unsigned char { weekday, day_without_leap, day } kind = Kind::day;
  int month = 0, week = 0, day = 0;
  int seconds = 7200;  // of that day, by the clock that ends there; may lie outside it
};

// "CET-1CEST,M3.5.0,M10.5.0/3"
class ZoneRule {
 public:
  static Result<ZoneRule> parse(Wire text);
  std::int32_t offset_at(std::int64_t time) const;  // seconds east of UTC; time in seconds since 1970

 private:
  std::int32_t standard_ = 0, summer_ = 0;
  bool has_summer_ = false;
  ZoneChange begin_, end_;
};

class TimeZone {
 public:
  // By the variable TZ (a zone's name or a rule), else by /etc/localtime; what cannot be had or understood is UTC.
  static TimeZone local(std::optional<std::string_view> variable);
  static Result<TimeZone> parse(Wire file);
  static TimeZone utc() { return TimeZone{}; }

  std::int32_t offset_at(std::int64_t time) const;
  // "2026-11-22 10:13:15.123 +0100", or for programs "2026-11-22T10:13:15.123456+01:00"
  std::string text(std::int64_t seconds, std::uint32_t nanoseconds) const;
  std::string text_for_programs(std::int64_t seconds, std::uint32_t nanoseconds) const;

 private:
  TimeZone() = default;
  Status take_data(std::string_view data, const std::array<std::uint32_t, 6>& counts, std::size_t time_size);
  std::vector<std::int64_t> times_;    // of transitions, ascending
  std::vector<std::int32_t> offsets_;  // from each on
  std::int32_t first_ = 0;             // before them
  std::optional<ZoneRule> rule_;       // after them
};

}  // namespace postern
