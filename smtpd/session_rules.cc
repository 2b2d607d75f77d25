#include "smtpd/session_rules.h"

#include "lib/mail/domain.h"

namespace postern {
namespace {

// One of two words; no file is the first.
Result<bool> is_second_word(const std::optional<std::string>& line, std::string_view first, std::string_view second,
                            std::string_view name) {
  if (!line || *line == first) return false;
  if (*line == second) return true;
  return permanent("not one of the words that doc/settings.md names:", name);
}

Status read_submission(SessionRules& rules, const Control& control) {
  rules.id_host = TRY(control.line<"idhost">()).value_or(rules.me);
  if (!Domain::parse(Wire{rules.id_host})) return permanent("idhost: not a domain name:", rules.id_host);
  rules.names_client = TRY(is_second_word(TRY(control.line<"submissionclient">()), "hide", "show", "control/submissionclient"));
  return Done{};
}

}  // namespace

std::string_view SessionRules::service() const {
  return kind == ServiceKind::smtp ? "smtp" : kind == ServiceKind::submission ? "submission" : "submissions";
}

Result<SessionRules> SessionRules::read(const Control& control, ServiceKind kind, const std::string& me) {
  SessionRules rules;
  rules.kind = kind;
  rules.me = me;
  rules.greeting = TRY(control.line<"smtpgreeting">()).value_or(rules.me + " ESMTP");
  rules.message_bytes = TRY(control.number<"databytes">());
  rules.header_bytes = TRY(control.number<"maxheaderbytes">());
  rules.line_bytes = TRY(control.number<"maxlinebytes">());
  rules.hops = TRY(control.number<"maxhops">());
  rules.recipients = TRY(control.number<"maxrecipients">());
  rules.unknown_recipients = TRY(control.number<"maxunknownrecipients">());
  rules.bad_commands = TRY(control.number<"maxbadcommands">());
  rules.command_time = Seconds{TRY(control.number<"timeoutsmtpd">())};
  rules.transaction_time = Seconds{TRY(control.number<"transactionseconds">())};
  rules.session_time = Seconds{TRY(control.number<"sessionseconds">())};
  rules.greet_delay = Seconds{TRY(control.number<"greetdelay">())};
  bool const mends = TRY(is_second_word(TRY(control.line<"barelf">()), "refuse", "mend", "control/barelf"));
  rules.bare_lf = mends ? BareLf::mend : BareLf::refuse;
  bool const refuses = TRY(is_second_word(TRY(control.line<"earlytalkers">()), "log", "refuse", "control/earlytalkers"));
  rules.early_talkers = refuses ? EarlyTalkers::refuse : EarlyTalkers::log;
  if (rules.is_submission()) TRY(read_submission(rules, control));
  return rules;
}

}  // namespace postern
