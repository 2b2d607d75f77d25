// Tests of lib/mail/date: known moments, leap days, and the ends of what can be written.
#include "lib/mail/date.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace postern;

namespace {

WallTime at(std::int64_t seconds, std::int64_t microseconds = 0) {
  return WallTime{Microseconds{seconds * 1'000'000 + microseconds}};
}

}  // namespace

TEST_CASE("a date is written as RFC 5322 asks") {
  struct {
    std::int64_t seconds;
    std::string_view text;
  } const cases[] = {
      {0, "Thu, 1 Jan 1970 00:00:00 +0000"},
      {-1, "Wed, 31 Dec 1969 23:59:59 +0000"},
      {880'127'706, "Fri, 21 Nov 1997 15:55:06 +0000"},  // RFC 5322 A.1.1, from its zone -0600
      {951'782'400, "Tue, 29 Feb 2000 00:00:00 +0000"},
      {951'868'800, "Wed, 1 Mar 2000 00:00:00 +0000"},
      {1'057'049'557, "Tue, 1 Jul 2003 08:52:37 +0000"},  // A.1.2
      {2'147'483'648, "Tue, 19 Jan 2038 03:14:08 +0000"},
      {4'107'542'400, "Mon, 1 Mar 2100 00:00:00 +0000"},  // 2100 has no leap day
      {1'795'330'937, "Sun, 22 Nov 2026 07:02:17 +0000"},
      {253'402'300'799, "Fri, 31 Dec 9999 23:59:59 +0000"},
      {253'402'300'800, "Fri, 31 Dec 9999 23:59:59 +0000"},  // past the end
      {-2'208'988'800, "Mon, 1 Jan 1900 00:00:00 +0000"},
      {-2'208'988'801, "Mon, 1 Jan 1900 00:00:00 +0000"},  // before the beginning
  };
  for (auto const& [seconds, text] : cases) CHECK(MailDate{at(seconds)}.text() == text);
}

TEST_CASE("fractions of a second are cut off, also before 1970") {
  CHECK(MailDate{at(59, 999'999)} == MailDate{at(59)});
  CHECK(MailDate{at(-1, 1)}.text() == "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST_CASE("no clock is too wrong to be written") {
  CHECK(MailDate{WallTime{Microseconds{std::numeric_limits<std::int64_t>::max()}}}.text() == "Fri, 31 Dec 9999 23:59:59 +0000");
  CHECK(MailDate{WallTime{Microseconds{std::numeric_limits<std::int64_t>::min()}}}.text() == "Mon, 1 Jan 1900 00:00:00 +0000");
}

TEST_CASE("four hundred years of days, against a calendar that counts") {
  constexpr const char* weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int day = 1, month = 0, year = 1900;
  for (std::int64_t count = 0; year < 2300; ++count) {  // 1 January 1900 was a Monday, 25,567 days before 1970
    std::string const expected = std::string{weekdays[count % 7]} + ", " + std::to_string(day) + " " + months[month] + " " +
                                 std::to_string(year) + " 12:34:56 +0000";
    REQUIRE(MailDate{at((count - 25'567) * 86'400 + 45'296)}.text() == expected);
    bool const is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (++day <= lengths[month] + (month == 1 && is_leap ? 1 : 0)) continue;
    day = 1;
    if (++month < 12) continue;
    month = 0;
    ++year;
  }
}
