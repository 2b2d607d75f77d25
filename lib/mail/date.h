// date - the time of day as header fields write it (RFC 5322 §3.3)
//
// Always in UTC and always "+0000": "-0000" would say that nothing is known about the zone (RFC 5322 §3.3), but this is
// the true time in a zone that is known. No program of ours reads a time zone file or TZ.
#pragma once

#include <string>

#include "lib/core/clock.h"

namespace postern {

// A moment between the years 1900 and 9999, in whole seconds; whatever lies outside becomes the nearest that does not.
class MailDate {
 public:
  explicit MailDate(WallTime time);
  std::string text() const;  // "Sun, 22 Nov 2026 07:02:17 +0000"
  std::chrono::sys_seconds time() const { return time_; }
  friend bool operator==(const MailDate&, const MailDate&) = default;

 private:
  std::chrono::sys_seconds time_;
};

}  // namespace postern
