// session_rules - what the operator allows in one SMTP session: control/, read once when a client connects
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/control.h"

namespace postern {

enum class BareLf : unsigned char { refuse, mend };
enum class EarlyTalkers : unsigned char { log, refuse };
// Port 25; 587, where the client asks for TLS; 465, where TLS comes first (RFC 8314 §3.3). The last two are for those who
// log in, and for nobody else.
enum class ServiceKind : unsigned char { smtp, submission, submissions };

struct SessionRules {
  ServiceKind kind = ServiceKind::smtp;
  bool has_certificates = false;  // so that TLS can be offered
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
  std::string id_host;       // of submission: right side of a Message-ID that is added
  bool names_client = true;  // in Received; not of submission unless asked

  bool is_submission() const { return kind != ServiceKind::smtp; }
  std::string_view service() const;  // "smtp", "submission", "submissions": as tlsd is told
  // `me`: control/me, which others have read already.
  static Result<SessionRules> read(const Control& control, ServiceKind kind, const std::string& me);
};

}  // namespace postern
