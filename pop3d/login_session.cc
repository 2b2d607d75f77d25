#include "pop3d/login_session.h"

#include "lib/os/log.h"

namespace postern {
namespace {

constexpr unsigned most_failed = 3;  // passwords that are wrong
constexpr Milliseconds auth_patience = 1min;
constexpr std::size_t longest_line = SaslServer::longest_line + 64;

}  // namespace

constexpr LoginSession::Verb LoginSession::verbs[] = {
    {"CAPA", &LoginSession::capa}, {"STLS", &LoginSession::stls}, {"USER", &LoginSession::user}, {"PASS", &LoginSession::pass},
    {"AUTH", &LoginSession::auth}, {"UTF8", &LoginSession::utf8}, {"LANG", &LoginSession::lang}, {"QUIT", &LoginSession::quit},
};

LoginSession::LoginSession(std::string_view me, LoginClient client, AuthContext context, AuthPort& auth, LoginPort& port, int in,
                           ResponseWriter& out)
    : me_(me),
      client_(std::move(client)),
      auth_(auth),
      port_(port),
      in_(in),
      out_(out),
      session_end_(Deadline::in(pop3_patience)) {
  sasl_.emplace(auth_, std::move(context));
}

void LoginSession::run() {
  LogLine line{"login"};
  if (auto const status = converse(); !status) {
    bool const is_late = status.error().number() == ETIMEDOUT;
    why_ = is_late ? "timeout" : status.error().is_permanent() ? "long-line" : "connection-lost";
    out_.line(is_late ? "-ERR [SYS/TEMP] Too slow" : "-ERR A line is too long");
    if (is_late || status.error().is_permanent()) static_cast<void>(out_.flush().has_value());
    line.add("error", status.error().text());
  }
  line.add("client", client_.address).add("why", why_).add("failed", failed_).add("bad", bad_commands_).write();
}

Status LoginSession::converse() {
  out_.line("+OK " + me_ + " POP3");
  while (!is_over_) {
    TRY(out_.flush());
    auto const line = TRY(in_.next(longest_line, session_end_));
    if (!line) return Done{};
    auto const command = Pop3Command::parse(*line);
    const Verb* found = nullptr;
    for (const Verb& verb : verbs)
      if (command && command->is(verb.name)) found = &verb;
    TRY(found ? (this->*found->act)(*command) : refuse("-ERR That command is not known before the login"));
  }
  return out_.flush();
}

Status LoginSession::say(std::string_view line) {
  out_.line(line);
  return Done{};
}

Status LoginSession::refuse(std::string_view line) {
  out_.line(line);
  if (++bad_commands_ > most_bad_commands) end("bad-commands");
  return Done{};
}

void LoginSession::end(std::string_view why) {
  is_over_ = true;
  why_ = why;
}

Status LoginSession::capa(const Pop3Command&) {
  out_.line("+OK");
  if (!client_.has_tls) out_.line("STLS");
  say_login_capabilities(out_, sasl_->offer());
  say_common_capabilities(out_);
  return say(".");
}

// RFC 2595 §4, and nothing of what came before counts afterwards. What somebody put behind STLS on the way would be taken for
// what the client said behind TLS: it ends the connection.
Status LoginSession::stls(const Pop3Command& command) {
  if (command.has_argument) return refuse("-ERR STLS takes no argument");
  if (client_.has_tls) return refuse("-ERR TLS is there already");
  if (is_utf8_) return refuse("-ERR STLS comes before UTF8");
  if (in_.has_more()) {
    end("behind-stls");
    return say("-ERR Nothing may come behind STLS before TLS is there");
  }
  auto context = port_.start_tls();
  if (!context) {
    LogLine{"tls"}.add("client", client_.address).add("error", context.error().text()).write();
    end("tls");
    return Done{};
  }
  client_.has_tls = client_.is_private = true;
  sasl_.emplace(auth_, *std::move(context));
  user_.reset();
  return Done{};
}

Status LoginSession::user(const Pop3Command& command) {
  if (!client_.is_private) return refuse("-ERR STLS comes before a login");
  if (command.argument.empty() || command.argument.size() > auth_word_most) return refuse("-ERR USER needs a name");
  user_ = command.argument;
  return say("+OK And PASS?");
}

Status LoginSession::pass(const Pop3Command& command) {
  if (!client_.is_private) return refuse("-ERR STLS comes before a login");
  if (!user_) return refuse("-ERR USER comes first");
  if (command.argument.size() > auth_word_most) return refuse("-ERR [AUTH] No such login and password");
  std::string const name = *std::exchange(user_, std::nullopt);
  return conclude(sasl_->check(name, command.argument, Deadline::in(auth_patience)));
}

// RFC 5034 §4: AUTH, a mechanism, perhaps an initial response; without any, the list of mechanisms that old clients ask for.
Status LoginSession::auth(const Pop3Command& command) {
  std::string_view const words = command.argument;
  if (words.empty()) return refuse("-ERR AUTH needs a mechanism; CAPA names them");
  std::size_t const blank = words.find(' ');
  std::optional<std::string_view> initial;
  if (blank != std::string_view::npos) initial = words.substr(blank + 1);
  user_.reset();
  auto step = sasl_->start(words.substr(0, blank), initial, Deadline::in(auth_patience));
  while (step.kind == SaslServer::Kind::challenge) {
    out_.line("+ " + step.text);
    TRY(out_.flush());
    auto const line = TRY(in_.next(longest_line, session_end_));
    if (!line) {
      end("connection-closed");
      return Done{};
    }
    step = sasl_->next(without_line_end(line->bytes()), Deadline::in(auth_patience));
  }
  return conclude(std::move(step));
}

Status LoginSession::conclude(SaslServer::Step step) {
  switch (step.kind) {
    case SaslServer::Kind::success:
      return succeed(step);
    case SaslServer::Kind::failure:
    case SaslServer::Kind::shut:
      return fail(step);
    case SaslServer::Kind::cancelled:
      return refuse("-ERR Cancelled");
    case SaslServer::Kind::unknown:
      return refuse("-ERR There is no such mechanism here");
    case SaslServer::Kind::too_weak:
      return refuse("-ERR STLS comes before a login");
    case SaslServer::Kind::later:
      LogLine{"auth"}.add("client", client_.address).add("error", step.error).write();
      return refuse("-ERR [SYS/TEMP] Logins cannot be checked now");
    default:
      return refuse("-ERR That is no answer of this mechanism");
  }
}

Status LoginSession::fail(const SaslServer::Step& step) {
  ++failed_;
  LogLine{"auth"}
      .add("client", client_.address)
      .add("login", step.login)
      .add("result", step.kind == SaslServer::Kind::shut ? "shut" : "wrong")
      .add("error", step.error)
      .write();
  if (failed_ >= most_failed) end("failed-logins");
  return say("-ERR [AUTH] No such login and password");
}

// What answers from here on is pop3d, or nobody.
Status LoginSession::succeed(const SaslServer::Step& step) {
  TRY(out_.flush());
  auto const refusal = port_.hand_over(step.ticket, is_utf8_);
  LogLine line{"auth"};
  line.add("client", client_.address).add("login", step.login).add("result", "ok").add("tls", client_.has_tls ? "yes" : "no");
  if (!refusal) line.add("error", refusal.error().text());
  line.write();
  end(refusal && refusal->empty() ? "handed-over" : "not-handed-over");
  if (!refusal) return Done{};
  return refusal->empty() ? Status{Done{}} : say(*refusal);
}

Status LoginSession::utf8(const Pop3Command& command) {
  if (command.has_argument) return refuse("-ERR UTF8 takes no argument");
  is_utf8_ = true;
  return say("+OK UTF-8 it is");
}

Status LoginSession::lang(const Pop3Command& command) {
  if (!answer_language(command, out_) && ++bad_commands_ > most_bad_commands) end("bad-commands");
  return Done{};
}

Status LoginSession::quit(const Pop3Command&) {
  end("quit");
  return say("+OK Bye");
}

}  // namespace postern
