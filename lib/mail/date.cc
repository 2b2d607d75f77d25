#include "lib/mail/date.h"

#include <algorithm>
#include <string_view>

#include "lib/core/number.h"

namespace postern {
namespace {

using namespace std::chrono;

constexpr sys_seconds first = sys_days{year{1900} / January / 1};
constexpr sys_seconds last = sys_days{year{9999} / December / 31} + 24h - 1s;
constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";

void append_two_digits(std::string& text, std::int64_t number) {
  text += static_cast<char>('0' + number / 10);
  text += static_cast<char>('0' + number % 10);
}

}  // namespace

MailDate::MailDate(WallTime time) : time_(std::clamp(floor<seconds>(time), first, last)) {}

std::string MailDate::text() const {
  sys_days const midnight = floor<days>(time_);
  year_month_day const date{midnight};
  hh_mm_ss const clock{time_ - midnight};
  std::string text{day_names.substr(3 * weekday{midnight}.c_encoding(), 3)};
  text += ", ";
  append_decimal(text, unsigned{date.day()});
  text += ' ';
  text += month_names.substr(3 * (unsigned{date.month()} - 1), 3);
  text += ' ';
  append_decimal(text, static_cast<std::uint64_t>(int{date.year()}));
  text += ' ';
  append_two_digits(text, clock.hours().count());
  text += ':';
  append_two_digits(text, clock.minutes().count());
  text += ':';
  append_two_digits(text, clock.seconds().count());
  return text += " +0000";
}

}  // namespace postern
