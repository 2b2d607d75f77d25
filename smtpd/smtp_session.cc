#include "smtpd/smtp_session.h"

#include <cerrno>

#include "lib/core/ascii.h"
#include "lib/os/log.h"

namespace postern {
namespace {

// RFC 5321 §4.5.3.1.4 asks for 512 bytes; ORCPT, ENVID and UTF-8 addresses add to it.
constexpr std::size_t longest_command = 4096;
constexpr std::size_t longest_auth = SaslServer::longest_line + 64;  // and with an initial response (RFC 4954 §4)

}  // namespace

// RFC 5321 §4.1.4, RFC 3030 §2: what may follow what.
constexpr SmtpSession::Verb SmtpSession::verbs[] = {
    {"EHLO", anytime, &SmtpSession::ehlo, ""},
    {"HELO", anytime, &SmtpSession::helo, ""},
    {"STARTTLS", anytime, &SmtpSession::starttls, ""},
    {"AUTH", anytime, &SmtpSession::auth, ""},
    {"MAIL", greeted, &SmtpSession::mail, "503 5.5.1 EHLO comes first, and one MAIL at a time"},
    {"RCPT", has_sender | has_recipient, &SmtpSession::rcpt, "503 5.5.1 MAIL comes before RCPT, and BDAT after"},
    {"DATA", anytime, &SmtpSession::data, ""},  // these two empty the transaction when they
    {"BDAT", anytime, &SmtpSession::bdat, ""},  // fail, and BDAT has bytes behind it in any case
    {"RSET", anytime, &SmtpSession::rset, ""},
    {"NOOP", anytime, &SmtpSession::noop, ""},
    {"VRFY", anytime, &SmtpSession::vrfy, ""},
    {"HELP", anytime, &SmtpSession::help, ""},
    {"QUIT", anytime, &SmtpSession::quit, ""},
    {"EXPN", anytime, nullptr, ""},
    {"TURN", anytime, nullptr, ""},
    {"ETRN", anytime, nullptr, ""},
};

const SmtpSession::Verb* SmtpSession::find_verb(std::string_view name) {
  for (const Verb& verb : verbs)
    if (equal_ignoring_case(verb.name, name)) return &verb;
  return nullptr;
}

SmtpSession::SmtpSession(const SessionParts& parts, LineReader& in, ReplyWriter& out)
    : rules_(parts.rules),
      recipients_(parts.recipients),
      senders_(parts.senders),
      client_(parts.client),
      queue_(parts.queue),
      line_(parts.line),
      auth_(parts.auth),
      quota_(parts.quota),
      in_(in),
      out_(out),
      session_end_(Deadline::in(parts.rules.session_time)) {}

void SmtpSession::run(Greet greet) {
  Milliseconds const started = monotonic_now();
  if (Status const status = converse(greet); !status) {
    if (status.error().number() == ETIMEDOUT) {
      cut_off("421 4.4.2 Timeout; closing", session_end_.has_passed()       ? "session-time"
                                            : transaction_end_.has_passed() ? "transaction-time"
                                                                            : "timeout");
      [[maybe_unused]] auto const flushed = out_.flush(Deadline::in(1s));
    } else {
      why_ended_ = "connection-lost";
      error_ = status.error().text();
    }
  }
  end_transaction();
  log_end(started);
}

Status SmtpSession::converse(Greet greet) {
  if (rules_.kind == ServiceKind::submissions && !start_tls()) return Done{};
  if (greet(rules_, client_) == Start::early_talker && rules_.early_talkers == EarlyTalkers::refuse)
    cut_off("554 5.5.1 You spoke before the greeting", "early-talker");
  else
    say("220 " + rules_.greeting);
  while (!is_over_) {
    TRY(flush_before_waiting());
    auto const line = TRY(in_.next(rules_.is_submission() ? longest_auth : longest_command, patience()));
    if (!line) return Done{};
    TRY(command(*line));
    if (was_asked_for_login_ || line->was_cut) in_.wipe();  // a password may have come where none is taken
  }
  return out_.flush(patience());
}

Deadline SmtpSession::patience() const {
  return Deadline::in(rules_.command_time).or_sooner(session_end_).or_sooner(transaction_end_);
}

Status SmtpSession::flush_before_waiting() {
  if (in_.has_line() && !out_.is_large()) return Done{};
  return out_.flush(patience());
}

Status SmtpSession::command(const LineReader::Line& line) {
  verb_ = "";
  if (session_end_.has_passed()) return cut_off("421 4.4.2 This session is too long; closing", "session-time");
  if (line.was_cut) return refuse_command("500 5.5.2 Line too long");
  auto const words = CommandLine::parse(line.bytes);
  if (!words) return refuse_command(words.error().what());
  const Verb* const verb = find_verb(words->verb);
  // What is no command may be a client's password, behind an AUTH that went wrong: no log gets it.
  verb_ = verb ? std::string_view{verb->name} : was_asked_for_login_ ? "?" : words->verb;
  if (verb_ == "AUTH") was_asked_for_login_ = true;
  if (line.bytes.size() > longest_command && verb_ != "AUTH") return refuse_command("500 5.5.2 Line too long");
  if (!verb) return refuse_command("500 5.5.1 Command unknown");
  if (!verb->act) return refuse_command("502 5.5.1 Command not implemented");
  if (!(verb->allowed_in & phase_)) return refuse_command(verb->out_of_order);
  return (this->*verb->act)(words->argument);
}

void SmtpSession::end_transaction() {
  transfer_.reset();
  if (std::exchange(is_counted_, false)) quota_.give_back();
  envelope_ = Envelope{};
  envelope_bytes_ = 0;
  transaction_end_ = Deadline::never();
  if (phase_ != fresh) phase_ = greeted;
}

Status SmtpSession::rset(std::string_view argument) {
  if (!argument.empty()) return refuse_command("501 5.5.4 RSET takes no argument");
  end_transaction();
  return say("250 2.0.0 Ok");
}

Status SmtpSession::noop(std::string_view) { return say("250 2.0.0 Ok"); }

// RFC 5321 §3.5.3, §7.3: whether a mailbox exists is told at RCPT only.
Status SmtpSession::vrfy(std::string_view argument) {
  if (argument.empty()) return refuse_command("501 5.5.4 VRFY needs an address");
  return say("252 2.5.0 Send mail to it, and see");
}

Status SmtpSession::help(std::string_view) {
  return say(rules_.is_submission() ? "214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"
                                    : "214 2.0.0 EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
}

Status SmtpSession::quit(std::string_view argument) {
  if (!argument.empty()) return refuse_command("501 5.5.4 QUIT takes no argument");
  is_over_ = true;
  why_ended_ = "quit";
  return say("221 2.0.0 " + rules_.me + " closing");
}

Done SmtpSession::say(std::string_view reply) {
  out_.say(reply);
  return Done{};
}

Done SmtpSession::refuse_command(std::string_view reply) {
  log_refusal(reply, {});
  if (++bad_commands_ > rules_.bad_commands) return cut_off("421 4.7.0 Too many bad commands; closing", "bad-commands");
  return say(reply);
}

Done SmtpSession::refuse_recipient(std::string_view reply, std::string_view recipient, RecipientCheck::Verdict verdict) {
  log_refusal(reply, recipient);
  using Verdict = RecipientCheck::Verdict;
  if (verdict == Verdict::full || verdict == Verdict::too_large) return say(reply);  // no guess at names
  if (++unknown_recipients_ > rules_.unknown_recipients)
    return cut_off("421 4.7.0 Too many recipients that do not exist; closing", "unknown-recipients");
  return say(reply);
}

Done SmtpSession::cut_off(std::string_view reply, std::string_view why) {
  say(reply);
  why_ended_ = why;
  is_over_ = true;
  was_cut_off_ = true;
  return Done{};
}

void SmtpSession::log_refusal(std::string_view reply, std::string_view recipient) {
  LogLine line{"refused"};
  line.add("command", verb_).add("reply", reply).add("client", client_.address).add("helo", helo_);
  if (phase_ > greeted) line.add("sender", envelope_.sender.text());
  if (!recipient.empty()) line.add("recipient", recipient);
  line.write();
}

void SmtpSession::log_end(Milliseconds started) {
  auto const seconds = static_cast<std::uint64_t>((monotonic_now() - started).count()) / 1000;
  LogLine line{"disconnect"};
  line.add("client", client_.address).add("why", why_ended_).add("accepted", accepted_).add("refused", refused_messages_);
  line.add("unknown", unknown_recipients_).add("bad", bad_commands_).add("seconds", seconds);
  if (failed_logins_ != 0) line.add("failed-logins", failed_logins_);
  if (!error_.empty()) line.add("error", error_);
  line.write();
}

}  // namespace postern
