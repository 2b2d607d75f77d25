// retry_schedule - how long a delivery that failed for now waits before it is tried again
//
// 5 minutes, growing by half to 4 hours; or what control/retryschedule says: seconds, a number a line, the last one
// repeats; or the one word "steady", every 15 minutes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"

namespace postern {

class RetrySchedule {
 public:
  RetrySchedule();  // without a control file
  static Result<RetrySchedule> parse(const std::vector<std::string>& lines);

  Seconds interval(unsigned tries) const;  // after so many tries, from 1

 private:
  std::vector<Seconds> intervals_;  // at least one
};

}  // namespace postern
