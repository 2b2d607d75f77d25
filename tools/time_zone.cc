#include "tools/time_zone.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/fd.h"
#include "lib/os/io.h"

namespace postern {
namespace {

using namespace std::chrono;

constexpr std::size_t largest_file = 1u << 20;
constexpr std::size_t head_size = 44;
constexpr std::int32_t longest_offset = 26 * 3600;

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = static_cast<unsigned char>(bytes.front()) & 0x80 ? ~0ull : 0;
  for (char const c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

using Counts = std::array<std::uint32_t, 6>;  // isut, isstd, leap, time, type, char
enum Count : std::size_t { is_ut, is_standard, leap, time_count, type, characters };

Result<Counts> parse_head(std::string_view head) {
  if (head.size() < head_size || !head.starts_with("TZif")) return permanent("time zone: not such a file");
  Counts counts{};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::int64_t const count = big_endian(head.substr(20 + 4 * i, 4));
    if (count < 0 || count > 100'000) return permanent("time zone: a count out of bounds");
    counts[i] = static_cast<std::uint32_t>(count);
  }
  return counts;
}

std::size_t data_size(const Counts& counts, std::size_t time_size) {
  return counts[time_count] * (time_size + 1) + std::size_t{counts[type]} * 6 + counts[characters] +
         counts[leap] * (time_size + 4) + counts[is_standard] + counts[is_ut];
}

// A POSIX rule, taken word by word from the front.
struct RuleText {
  std::string_view rest;

  bool take(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_name() {
    std::size_t length = 0;
    if (take('<')) {
      length = rest.find('>');
      if (length == std::string_view::npos || length == 0) return false;
      rest.remove_prefix(length + 1);
      return true;
    }
    while (length < rest.size() && is_alpha(rest[length])) ++length;
    rest.remove_prefix(length);
    return length >= 3;
  }
  Result<int> take_number(std::uint64_t most) {
    std::size_t length = 0;
    while (length < rest.size() && is_digit(rest[length])) ++length;
    auto const number = static_cast<int>(TRY(parse_number(Wire{rest.substr(0, length)}, most)));
    rest.remove_prefix(length);
    return number;
  }
  // "[+-]hh[:mm[:ss]]" in seconds
  Result<int> take_time(std::uint64_t most_hours) {
    int const sign = take('-') ? -1 : 1;
    if (sign > 0) take('+');
    int seconds = 3600 * TRY(take_number(most_hours));
    if (take(':')) seconds += 60 * TRY(take_number(59));
    if (take(':')) seconds += TRY(take_number(59));
    return sign * seconds;
  }
  Result<ZoneChange> take_change() {
    ZoneChange change;
    if (!take(',')) return permanent("time zone: a rule without its changes");
    if (take('M')) {
      change.kind = ZoneChange::Kind::weekday;
      change.month = TRY(take_number(12));
      if (!take('.')) return permanent("time zone: a change without its week");
      change.week = TRY(take_number(5));
      if (!take('.')) return permanent("time zone: a change without its day");
      change.day = TRY(take_number(6));
      if (change.month == 0 || change.week == 0) return permanent("time zone: a change in no month");
    } else {
      if (take('J')) change.kind = ZoneChange::Kind::day_without_leap;
      change.day = TRY(take_number(365));
      if (change.kind == ZoneChange::Kind::day_without_leap && change.day == 0) return permanent("time zone: a change on no day");
    }
    if (take('/')) change.seconds = TRY(take_time(167));
    return change;
  }
};

// Seconds since 1970 by the local clock.
std::int64_t moment_of(const ZoneChange& change, year of) {
  sys_days day = sys_days{of / January / 1};
  switch (change.kind) {
    case ZoneChange::Kind::weekday: {
      weekday const wanted{static_cast<unsigned>(change.day)};
      month const in{static_cast<unsigned>(change.month)};
      day = change.week == 5 ? sys_days{of / in / weekday_last{wanted}}
                             : sys_days{of / in / wanted[static_cast<unsigned>(change.week)]};
      break;
    }
    case ZoneChange::Kind::day_without_leap:
      day += days{change.day - 1 + (of.is_leap() && change.day >= 60 ? 1 : 0)};
      break;
    case ZoneChange::Kind::day:
      day += days{change.day};
      break;
  }
  return day.time_since_epoch().count() * std::int64_t{86'400} + change.seconds;
}

void append_digits(std::string& text, std::uint64_t number, std::size_t width) {
  std::string const digits = decimal(number);
  text.append(digits.size() < width ? width - digits.size() : 0, '0');
  text += digits;
}

struct Parts {
  std::string date, clock;
  char sign;
  std::uint64_t hours, minutes;  // of the offset
};

Parts parts_of(std::int64_t time, std::int32_t offset) {
  auto const local = sys_seconds{seconds{time + offset}};
  sys_days const midnight = floor<days>(local);
  year_month_day const day{midnight};
  hh_mm_ss const clock{local - midnight};
  Parts parts{{}, {}, offset < 0 ? '-' : '+', 0, 0};
  append_digits(parts.date, static_cast<std::uint64_t>(std::max(0, int{day.year()})), 4);
  append_digits(parts.date += '-', unsigned{day.month()}, 2);
  append_digits(parts.date += '-', unsigned{day.day()}, 2);
  append_digits(parts.clock, static_cast<std::uint64_t>(clock.hours().count()), 2);
  append_digits(parts.clock += ':', static_cast<std::uint64_t>(clock.minutes().count()), 2);
  append_digits(parts.clock += ':', static_cast<std::uint64_t>(clock.seconds().count()), 2);
  auto const size = static_cast<std::uint64_t>(offset < 0 ? -offset : offset);
  parts.hours = size / 3600;
  parts.minutes = size / 60 % 60;
  return parts;
}

Result<std::string> read_file(const std::string& path) {
  Fd const file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!file.is_open()) return system_error("open", path);
  return read_all(file.number(), largest_file);
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || std::string_view{"/_+-"}.find(c) != std::string_view::npos; });
}

}  // namespace

Result<ZoneRule> ZoneRule::parse(Wire wire) {
  RuleText text{wire.bytes()};
  ZoneRule rule;
  if (!text.take_name()) return permanent("time zone: a rule without a name");
  rule.standard_ = -TRY(text.take_time(24));
  if (text.rest.empty()) return rule;
  rule.has_summer_ = true;
  if (!text.take_name()) return permanent("time zone: summer time without a name");
  rule.summer_ = rule.standard_ + 3600;
  if (!text.rest.starts_with(',')) rule.summer_ = -TRY(text.take_time(24));
  rule.begin_ = TRY(text.take_change());
  rule.end_ = TRY(text.take_change());
  if (!text.rest.empty()) return permanent("time zone: something behind a rule");
  return rule;
}

std::int32_t ZoneRule::offset_at(std::int64_t time) const {
  if (!has_summer_) return standard_;
  year const of = year_month_day{floor<days>(sys_seconds{seconds{time + standard_}})}.year();
  std::int64_t const begin = moment_of(begin_, of) - standard_;
  std::int64_t const end = moment_of(end_, of) - summer_;
  bool const is_summer = begin < end ? begin <= time && time < end : !(end <= time && time < begin);
  return is_summer ? summer_ : standard_;
}

Status TimeZone::take_data(std::string_view data, const Counts& counts, std::size_t time_size) {
  std::string_view const kinds = data.substr(counts[time_count] * time_size, counts[time_count]);
  std::string_view const types = data.substr(counts[time_count] * (time_size + 1), std::size_t{counts[type]} * 6);
  if (counts[type] == 0) return permanent("time zone: no kind of time");
  auto const offset_of = [&](std::size_t kind) { return static_cast<std::int32_t>(big_endian(types.substr(kind * 6, 4))); };
  for (std::size_t kind = 0; kind < counts[type]; ++kind)
    if (offset_of(kind) > longest_offset || offset_of(kind) < -longest_offset)
      return permanent("time zone: an offset out of bounds");
  first_ = offset_of(0);
  for (std::size_t i = 0; i < counts[time_count]; ++i) {
    auto const kind = static_cast<unsigned char>(kinds[i]);
    std::int64_t const time = big_endian(data.substr(i * time_size, time_size));
    if (kind >= counts[type] || (!times_.empty() && time <= times_.back()))
      return permanent("time zone: transitions out of order");
    times_.push_back(time);
    offsets_.push_back(offset_of(kind));
  }
  return Done{};
}

Result<TimeZone> TimeZone::parse(Wire file) {
  std::string_view rest = file.bytes();
  TimeZone zone;
  Counts counts = TRY(parse_head(rest));
  bool const is_old = rest[4] == '\0';
  rest.remove_prefix(head_size);
  if (rest.size() < data_size(counts, 4)) return permanent("time zone: cut short");
  if (is_old) {
    TRY(zone.take_data(rest, counts, 4));
    return zone;
  }
  rest.remove_prefix(data_size(counts, 4));
  counts = TRY(parse_head(rest));
  rest.remove_prefix(head_size);
  if (rest.size() < data_size(counts, 8)) return permanent("time zone: cut short");
  TRY(zone.take_data(rest, counts, 8));
  rest.remove_prefix(data_size(counts, 8));
  if (rest.size() > 2 && rest.starts_with('\n') && rest.find('\n', 1) != std::string_view::npos)
    zone.rule_ = TRY(ZoneRule::parse(Wire{rest.substr(1, rest.find('\n', 1) - 1)}));
  return zone;
}

TimeZone TimeZone::local(std::optional<std::string_view> variable) {
  std::string_view name = variable.value_or(std::string_view{});
  if (name.starts_with(':')) name.remove_prefix(1);
  if (variable && name.empty()) return utc();
  auto const file = !variable            ? read_file("/etc/localtime")
                    : is_zone_name(name) ? read_file("/usr/share/zoneinfo/" + std::string{name})
                                         : Result<std::string>{permanent("time zone: not a name")};
  auto zone = file ? parse(Wire{*file}) : Result<TimeZone>{file.error()};
  if (zone) return *std::move(zone);
  TimeZone by_rule;
  auto const rule = ZoneRule::parse(Wire{name});
  if (rule) by_rule.rule_ = *rule;
  return by_rule;
}

std::int32_t TimeZone::offset_at(std::int64_t time) const {
  if (rule_ && (times_.empty() || time >= times_.back())) return rule_->offset_at(time);
  auto const after = std::upper_bound(times_.begin(), times_.end(), time);
  return after == times_.begin() ? first_ : offsets_[static_cast<std::size_t>(after - times_.begin()) - 1];
}

std::string TimeZone::text(std::int64_t time, std::uint32_t nanoseconds) const {
  Parts const parts = parts_of(time, offset_at(time));
  std::string text = parts.date + ' ' + parts.clock + '.';
  append_digits(text, nanoseconds / 1'000'000, 3);
  (text += ' ') += parts.sign;
  append_digits(text, parts.hours, 2);
  append_digits(text, parts.minutes, 2);
  return text;
}

std::string TimeZone::text_for_programs(std::int64_t time, std::uint32_t nanoseconds) const {
  Parts const parts = parts_of(time, offset_at(time));
  std::string text = parts.date + 'T' + parts.clock + '.';
  append_digits(text, nanoseconds / 1000, 6);
  text += parts.sign;
  append_digits(text, parts.hours, 2);
  append_digits(text += ':', parts.minutes, 2);
  return text;
}

}  // namespace postern
