// bounce_names - who reports, and who hears of it: the control files me, bouncefrom, bouncehost, doublebounceto and
// doublebouncehost, with qmail's meanings
//
// A report has no sender, so that nothing answers it. What may itself be a report is not answered either: it is a double
// bounce, told to one address, and never again when that fails. So there is no way for reports to go in circles.
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "lib/os/control.h"

namespace postern {

// A field of reports about reports; its value is the ID of the message that failed. A message that holds it anywhere, in
// its own header or in one that it carries, is not reported again, whoever forwarded it.
constexpr std::string_view double_bounce_field = "Postern-Double-Bounce";

struct BounceNames {
  std::string me;
  Address from;                      // bouncefrom@bouncehost
  std::optional<Address> double_to;  // doublebounceto@doublebouncehost; none: double bounces are dropped

  static Result<BounceNames> read(const Control& control);

  // Nothing that a report answers: it has no sender, or a mailer daemon's, or it is for the address in our From lines.
  bool is_report(const Envelope& envelope) const;
};

}  // namespace postern
