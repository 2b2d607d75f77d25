// session_rules - what the operator allows in one SMTP session: control/, read once when a client connects
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/control.h"

namespace postern {

enum class BareLf : unsigned char { refuse, mend };
enum class EarlyTalkers : unsigned char { log, refuse };

struct SessionRules {
  std::string me;
  std::string greeting;                                         // behind 220
  std::uint64_t message_bytes = setting_of("databytes").value;  // 0: no limit
  std::uint64_t header_bytes = setting_of("maxheaderbytes").value;
  std::uint64_t line_bytes = setting_of("maxlinebytes").value;
  std::uint64_t hops = setting_of("maxhops").value;
  std::uint64_t recipients = setting_of("maxrecipients").value;
  std::uint64_t unknown_recipients = setting_of("maxunknownrecipients").value;
  std::uint64_t bad_commands = setting_of("maxbadcommands").value;
  Seconds command_time{setting_of("timeoutsmtpd").value};
  Seconds transaction_time{setting_of("transactionseconds").value};
  Seconds session_time{setting_of("sessionseconds").value};
  Seconds greet_delay{setting_of("greetdelay").value};
  BareLf bare_lf = BareLf::refuse;
  EarlyTalkers early_talkers = EarlyTalkers::log;

  static Result<SessionRules> read(const Control& control);
};

}  // namespace postern
