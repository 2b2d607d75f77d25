// send_settings - the control files that queue-send goes by, and whether they have changed
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/core/clock.h"
#include "lib/mail/routes.h"
#include "lib/mail/smtp_routes.h"
#include "lib/os/control.h"
#include "send/delivery_queues.h"

namespace postern {

struct SendSettings {
  DeliveryLimits limits;
  DomainValues<Seconds> lifetime;
  Seconds delay_notice;  // after so long a sender who asked is told of a delay; 0: never
  Seconds scan_every;
  DomainValues<RetrySchedule> schedule;
  RateLimits rates;
  Routes routes;
  SmtpRoutes smtp_routes;

  static Result<SendSettings> read(const Control& control);
};

// What the files look like from outside (inode, size, times): compared to notice a change without reading them.
class SettingsFiles {
 public:
  static SettingsFiles look(const Control& control);
  friend bool operator==(const SettingsFiles&, const SettingsFiles&) = default;

 private:
  std::vector<std::int64_t> looks_;
};

}  // namespace postern
