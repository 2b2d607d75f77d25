// retry_schedule - how long a delivery that failed for now waits before it is tried again
//
// 5 minutes, growing by half to 4 hours; or what control/retryschedule says: seconds, a number a line, the last one
// repeats; or the one word "steady", every 15 minutes. A line like "example.org:60 600 3600" or ".example.net:steady" is for
// those destinations alone.
#pragma once

#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/mail/domain_values.h"

namespace postern {

class RetrySchedule {
 public:
  RetrySchedule();  // without a control file

  Seconds interval(unsigned tries) const;  // after so many tries, from 1

 private:
  friend Result<DomainValues<RetrySchedule>> parse_retry_schedules(const std::vector<std::string>& lines);
  struct Empty {};
  explicit RetrySchedule(Empty) {}
  Status add(std::string_view word);

  std::vector<Seconds> intervals_;  // at least one
  bool is_steady_ = false;          // the word was given, and nothing may follow
};

Result<DomainValues<RetrySchedule>> parse_retry_schedules(const std::vector<std::string>& lines);

}  // namespace postern
