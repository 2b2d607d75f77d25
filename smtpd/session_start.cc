// How a session begins: names, TLS and logins.
#include "lib/core/ascii.h"
#include "lib/core/base64.h"
#include "lib/core/number.h"
#include "lib/os/log.h"
#include "smtpd/smtp_session.h"

namespace postern {
namespace {

constexpr Milliseconds handshake_time = 70s;  // tlsd ends one after 60 s
constexpr Milliseconds answer_time = 90s;     // of authd, which is slow on purpose
constexpr std::uint64_t most_failed_logins = 5;
constexpr std::string_view wrong_login = "535 5.7.8 Wrong login or password";

}  // namespace

// The name a client gives itself is never verified (RFC 5321 §4.1.4), but it goes into a header.
bool SmtpSession::take_name(std::string_view argument) {
  constexpr std::size_t longest_name = 255;
  if (argument.empty() || argument.size() > longest_name) return false;
  for (char const c : argument)
    if (!is_graphic(c) && !is_eight_bit(c)) return false;
  end_transaction();
  helo_ = argument;
  phase_ = greeted;
  return true;
}

Status SmtpSession::helo(std::string_view argument) {
  if (!take_name(argument)) return refuse_command("501 5.5.4 HELO needs your name");
  is_extended_ = false;
  return say("250 " + rules_.me);
}

Status SmtpSession::ehlo(std::string_view argument) {
  if (!take_name(argument)) return refuse_command("501 5.5.4 EHLO needs your name");
  is_extended_ = true;
  say("250-" + rules_.me);
  say("250-PIPELINING");
  say("250-SIZE " + decimal(rules_.message_bytes));
  say("250-8BITMIME");
  say("250-SMTPUTF8");
  say("250-CHUNKING");
  say("250-ENHANCEDSTATUSCODES");
  if (offers_tls()) say("250-STARTTLS");
  if (rules_.is_submission() && tls_) say("250-AUTH " + std::string{SaslServer{auth_, auth_context()}.mechanisms()});
  return say("250 DSN");
}

// RFC 3207. What stands behind the command was sent in the clear, by whomever: nothing of it may pass for said in private.
Status SmtpSession::starttls(std::string_view argument) {
  if (!argument.empty()) return refuse_command("501 5.5.4 STARTTLS takes no argument");
  if (tls_) return refuse_command("503 5.5.1 TLS is on already");
  if (!offers_tls()) return refuse_command("502 5.5.1 Command not implemented");
  TRY(out_.flush(patience()));
  if (!in_.nothing_waiting() || line_.has_bytes_waiting()) {
    log_refusal("554 5.5.1", {});
    return cut_off("554 5.5.1 Nothing may follow STARTTLS before the answer; closing", "early-talker");
  }
  if (Status const status = line_.prepare(); !status) {
    LogLine{"tls-unavailable"}.add("client", client_.address).add("error", status.error().text()).write();
    return say("454 4.7.0 TLS is not available now");
  }
  say("220 2.0.0 Go ahead");
  TRY(out_.flush(patience()));
  end_transaction();
  start_tls();
  return Done{};
}

// Hands the connection over and starts afresh (RFC 3207 §4.2).
bool SmtpSession::start_tls() {
  if (rules_.kind == ServiceKind::submissions) {
    if (Status const status = line_.prepare(); !status) {
      why_ended_ = "tls-unavailable";
      error_ = status.error().text();
      is_over_ = true;
      return false;
    }
  }
  auto facts = line_.secure(rules_.service(), client_.ip(), Deadline::in(handshake_time).or_sooner(session_end_));
  if (!facts) {
    why_ended_ = "tls-failed";
    error_ = facts.error().text();
    is_over_ = true;
    return false;
  }
  in_.forget();
  phase_ = fresh;
  helo_.clear();
  is_extended_ = false;
  tls_ = *std::move(facts);
  LogLine{"tls"}
      .add("client", client_.address)
      .add("protocol", tls_->protocol)
      .add("cipher", tls_->cipher)
      .add("sni", tls_->server_name)
      .add("resumed", std::uint64_t{tls_->is_resumed})
      .write();
  return true;
}

AuthContext SmtpSession::auth_context() const {
  AuthContext context{"submission", client_.ip(), tls_.has_value(), {}, {}};
  if (tls_) context.exporter = tls_->exporter, context.end_point = tls_->end_point;
  return context;
}

// RFC 4954 §4: once, behind EHLO, outside of a transaction; and here over TLS only.
std::string_view SmtpSession::auth_refusal() const {
  return !rules_.is_submission() ? "502 5.5.1 Command not implemented"
         : !tls_                 ? "538 5.7.11 Passwords are for TLS only; STARTTLS comes first"
         : !login_.empty()       ? "503 5.5.1 You are logged in already"
         : phase_ > greeted      ? "503 5.5.1 No AUTH during a transaction"
         : !is_extended_         ? "503 5.5.1 EHLO comes first"
                                 : "";
}

Status SmtpSession::auth(std::string_view argument) {
  if (auto const refusal = auth_refusal(); !refusal.empty()) return refuse_command(refusal);
  std::size_t const blank = argument.find(' ');
  std::string const mechanism{argument.substr(0, blank)};
  if (mechanism.empty()) return refuse_command("501 5.5.4 AUTH needs a mechanism");
  std::optional<std::string_view> initial;
  if (blank != std::string_view::npos) initial = trimmed(argument.substr(blank));
  SaslServer sasl{auth_, auth_context()};
  return converse_sasl(sasl, sasl.start(mechanism, initial, Deadline::in(answer_time)), mechanism);
}

Status SmtpSession::converse_sasl(SaslServer& sasl, SaslServer::Step step, std::string_view mechanism) {
  while (step.kind == SaslServer::Kind::challenge) {
    in_.wipe();
    say("334 " + step.text);
    TRY(out_.flush(patience()));
    auto const line = TRY(in_.next(SaslServer::longest_line + 2, patience()));
    if (!line) {
      is_over_ = true;
      return Done{};
    }
    std::string_view response = line->bytes.bytes();
    if (line->was_cut || !response.ends_with("\r\n")) {
      in_.wipe();
      return refuse_command(line->was_cut ? "500 5.5.6 That line is too long" : "501 5.5.2 A line ends in CR LF");
    }
    response.remove_suffix(2);
    step = sasl.next(response, Deadline::in(answer_time));
  }
  in_.wipe();
  return conclude_sasl(step, mechanism);
}

Status SmtpSession::conclude_sasl(const SaslServer::Step& step, std::string_view mechanism) {
  using Outcome = SaslServer::Kind;
  if (step.kind == Outcome::success) {
    login_ = step.login;
    LogLine{"login"}.add("login", login_).add("mechanism", mechanism).add("client", client_.address).write();
    return say("235 2.7.0 Welcome");
  }
  LogLine{"login-failed"}
      .add("login", step.login)
      .add("mechanism", step.kind == Outcome::unknown ? std::string_view{"?"} : mechanism)  // it may be a password, in the wrong place
      .add("client", client_.address)
      .add("why", step.error)
      .write();
  switch (step.kind) {
    case Outcome::failure:
    case Outcome::shut:  // whether the password was right is nobody's business then
      if (++failed_logins_ >= most_failed_logins) return cut_off("421 4.7.0 Too many failed logins; closing", "failed-logins");
      return say(wrong_login);
    case Outcome::cancelled:
      return refuse_command("501 5.7.0 AUTH cancelled");
    case Outcome::unknown:
      return refuse_command("504 5.5.4 Mechanism unknown");
    case Outcome::too_weak:
      return refuse_command("538 5.7.11 That mechanism is for TLS only");
    case Outcome::later:
      return say("454 4.7.0 Logins cannot be checked now; try again");
    default:
      return refuse_command("501 5.5.2 That is no message of this mechanism");
  }
}

}  // namespace postern
