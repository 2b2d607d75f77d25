#include "lib/net/sasl_server.h"

#include "lib/core/ascii.h"
#include "lib/core/base64.h"
#include "lib/core/wipe.h"

namespace postern {
namespace {

constexpr std::string_view scram = "SCRAM-SHA-256";
constexpr std::string_view scram_plus = "SCRAM-SHA-256-PLUS";

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

LoginOffer login_offer_on(const AuthContext& context) {
  if (!context.is_private) return LoginOffer::scram;
  return context.exporter.empty() && context.end_point.empty() ? LoginOffer::passwords : LoginOffer::binding;
}

SaslServer::Step SaslServer::start(std::string_view mechanism, std::optional<std::string_view> initial, Deadline deadline) {
  state_ = State::idle;
  login_.clear();
  mechanism_.clear();
  for (char const c : mechanism.substr(0, scram_plus.size() + 1)) mechanism_ += to_upper(c);
  bool const is_plain = mechanism_ == "PLAIN", is_login = mechanism_ == "LOGIN";
  bool const is_bound = mechanism_ == scram_plus && (!context_.exporter.empty() || !context_.end_point.empty());
  if (!is_plain && !is_login && !is_bound && mechanism_ != scram)
    return Step{Kind::unknown, {}, {}, {}, "no such mechanism here"};
  if ((is_plain || is_login) && !context_.is_private)
    return Step{Kind::too_weak, {}, {}, {}, "a password over a connection that is not private"};
  state_ = is_plain ? State::plain : is_login ? State::login_name : State::scram_first;
  if (!initial) return Step{Kind::challenge, is_login ? base64("Username:") : std::string{}};
  return next(*initial == "=" ? std::string_view{} : *initial, deadline);  // RFC 4954 §4
}

SaslServer::Step SaslServer::next(std::string_view line, Deadline deadline) {
  State const state = state_;
  auto const end = [&](Kind kind, std::string error) {
    state_ = State::idle;
    return Step{kind, {}, login_, {}, std::move(error)};
  };
  if (line == "*") return end(Kind::cancelled, "the client gave up");
  if (state == State::idle) return end(Kind::malformed, "no exchange is under way");
  if (line.size() > longest_line) return end(Kind::malformed, "a line too long");
  auto message = from_base64(Wire{line});
  if (!message) return end(Kind::malformed, message.error().text());
  Step step = take(*message, deadline);
  wipe(*message);
  wipe_stack();
  if (step.kind != Kind::challenge) state_ = State::idle;
  return step;
}

SaslServer::Step SaslServer::take(std::string_view message, Deadline deadline) {
  auto const malformed = [&](std::string_view error) { return Step{Kind::malformed, {}, login_, {}, std::string{error}}; };
  switch (state_) {
    case State::idle:
      break;
    case State::plain: {  // RFC 4616 §2: [who to be] NUL login NUL password
      std::size_t const first = message.find('\0');
      std::size_t const second = first == std::string_view::npos ? first : message.find('\0', first + 1);
      if (second == std::string_view::npos) return malformed("PLAIN: not two NULs");
      std::string_view const other = message.substr(0, first), login = message.substr(first + 1, second - first - 1);
      std::string_view const password = message.substr(second + 1);
      if (login.empty() || password.empty()) return malformed("PLAIN: no login or no password");
      // Nobody may be somebody else; that is answered like, and as late as, a wrong password.
      return check(login, other.empty() || other == login ? password : std::string_view{}, deadline);
    }
    case State::login_name:
      if (message.size() > auth_word_most || has_nul(message)) return malformed("LOGIN: a login that cannot be one");
      login_ = message;
      state_ = State::login_password;
      return Step{Kind::challenge, base64("Password:")};
    case State::login_password:
      return check(std::string{login_}, message, deadline);
    case State::scram_first:
    case State::scram_last: {
      if (message.empty() || message.size() > auth_message_most || has_nul(message)) return malformed("SCRAM: no message");
      AuthRequest request;
      bool const is_first = state_ == State::scram_first;
      request.kind = is_first ? AuthRequest::Kind::first : AuthRequest::Kind::last;
      if (is_first) request.context = context_;
      request.mechanism = is_first ? mechanism_ : std::string{};
      request.message = message;
      return conclude(port_.ask(request, deadline));
    }
    case State::scram_done:
      if (!message.empty()) return malformed("SCRAM: something behind the end");
      return outcome_;
  }
  return malformed("no exchange is under way");
}

SaslServer::Step SaslServer::check(std::string_view login, std::string_view password, Deadline deadline) {
  login_ = login.substr(0, auth_word_most);
  if (!context_.is_private) return Step{Kind::too_weak, {}, login_, {}, "a password over a connection that is not private"};
  if (login.size() > auth_word_most || password.size() > auth_word_most || has_nul(login) || has_nul(password))
    return Step{Kind::malformed, {}, login_, {}, "a login or password that cannot be one"};
  AuthRequest request;
  request.context = context_;
  request.login = login;
  request.password = password;
  state_ = State::plain;
  auto answer = port_.ask(request, deadline);
  wipe(request.password);
  wipe_stack();
  Step step = conclude(std::move(answer));
  state_ = State::idle;
  return step;
}

// What a challenge, a yes or a no mean where the exchange stands.
SaslServer::Step SaslServer::conclude(Result<AuthAnswer> answer) {
  if (!answer) return Step{Kind::later, {}, login_, {}, answer.error().text()};
  bool const wants_challenge = state_ == State::scram_first;
  if (answer->kind == AuthAnswer::Kind::no) {
    Kind const kind = answer->reason == AuthAnswer::Reason::bad     ? Kind::failure
                      : answer->reason == AuthAnswer::Reason::later ? Kind::later
                                                                    : Kind::shut;
    return Step{kind, {}, login_, {}, answer->message};
  }
  if ((answer->kind == AuthAnswer::Kind::challenge) != wants_challenge)
    return Step{Kind::later, {}, login_, {}, "authd answers something else"};
  if (wants_challenge) {
    state_ = State::scram_last;
    return Step{Kind::challenge, base64(answer->message)};
  }
  Step yes{Kind::success, {}, answer->login, answer->ticket};
  if (state_ == State::plain) return yes;
  // The server's proof goes out as a challenge, which the client answers with nothing (RFC 5802 §5, RFC 4422 §5).
  state_ = State::scram_done;
  outcome_ = std::move(yes);
  return Step{Kind::challenge, base64(answer->message)};
}

}  // namespace postern
