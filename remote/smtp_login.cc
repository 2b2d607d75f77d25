#include "remote/smtp_login.h"

#include "lib/core/base64.h"

namespace postern {
namespace {

constexpr std::size_t longest_word = 1024;  // of a user's name or a password

// "334": the server wants the next line. What it calls it does not matter.
Status expect_question(SmtpExchange& exchange, const PeerReply& reply) {
  if (reply.code() == 334) return Done{};
  if (reply.is_refusal()) return exchange.fail("4.7.8", "it refused the login: " + reply.text());
  return exchange.fail("4.5.0", "it answered AUTH with " + reply.text());
}

Status expect_welcome(SmtpExchange& exchange, const PeerReply& reply) {
  if (reply.code() == 235) return Done{};
  if (reply.is_refusal()) return exchange.fail("4.7.8", "it refused the login: " + reply.text());
  return exchange.fail("4.5.0", "it answered AUTH with " + reply.text());
}

Result<PeerReply> ask(SmtpExchange& exchange, std::string line, Milliseconds patience) {
  line += "\r\n";
  TRY(exchange.ask(line, "AUTH", Deadline::in(patience)));
  return exchange.hear("AUTH", Deadline::in(patience));
}

Status log_in_plainly(SmtpExchange& exchange, const SmtpLogin& login, Milliseconds patience) {
  std::string const message = std::string(1, '\0') + login.user + std::string(1, '\0') + login.password;
  return expect_welcome(exchange, TRY(ask(exchange, "AUTH PLAIN " + base64(message), patience)));
}

Status log_in_by_questions(SmtpExchange& exchange, const SmtpLogin& login, Milliseconds patience) {
  TRY(expect_question(exchange, TRY(ask(exchange, "AUTH LOGIN", patience))));
  TRY(expect_question(exchange, TRY(ask(exchange, base64(login.user), patience))));
  return expect_welcome(exchange, TRY(ask(exchange, base64(login.password), patience)));
}

}  // namespace

Status log_in(SmtpExchange& exchange, const PeerFeatures& features, const SmtpLogin& login, Privacy privacy,
              Milliseconds patience) {
  bool const is_possible = login.user.find('\0') == std::string::npos && login.password.find('\0') == std::string::npos &&
                           login.user.size() <= longest_word && login.password.size() <= longest_word;
  if (!is_possible) return exchange.fail("4.7.0", "the user's name or password for it cannot be sent");
  if (privacy == Privacy::none && !exchange.host().address.is_loopback())
    return exchange.fail("4.7.11", "the connection is not encrypted, and a password is never sent over one that is not");
  if (features.has_auth_plain) return log_in_plainly(exchange, login, patience);
  if (features.has_auth_login) return log_in_by_questions(exchange, login, patience);
  return exchange.fail("4.7.0", "it offers no login (AUTH PLAIN or LOGIN)");
}

}  // namespace postern
