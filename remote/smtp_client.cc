#include "remote/smtp_client.h"

namespace postern {

Result<PeerReply> SmtpClient::ask(const std::string& command, std::string_view about) {
  TRY(exchange_.ask(command, about, Deadline::in(times_.command)));
  return exchange_.hear(about, Deadline::in(times_.command));
}

// A reply that leaves nothing to be done here.
Error SmtpClient::refuse(const PeerReply& reply, std::string_view about) {
  if (!reply.is_refusal()) {
    std::string what = "it answered ";
    what += about;
    return exchange_.fail("4.5.0", what + " with " + reply.text());
  }
  if (reply.is_permanent()) fate_ = Fate::permanent;
  return exchange_.turn_away(reply);
}

Status SmtpClient::introduce(const std::string& helo) {
  PeerReply const greeting = TRY(exchange_.hear("the greeting", Deadline::in(times_.greeting)));
  if (greeting.code() != 220) return refuse(greeting, "the connection");
  PeerReply const extended = TRY(ask("EHLO " + helo + "\r\n", "EHLO"));
  if (extended.code() == 250) {
    features_ = PeerFeatures::from(extended);
    return Done{};
  }
  if (!extended.is_permanent()) return refuse(extended, "EHLO");
  PeerReply const plain = TRY(ask("HELO " + helo + "\r\n", "HELO"));  // RFC 5321 §3.2
  if (plain.code() != 250) return refuse(plain, "HELO");
  return Done{};
}

std::optional<SmtpRefusal> SmtpClient::greet(const std::string& helo, const std::optional<SmtpLogin>& login) {
  auto status = introduce(helo);
  // STARTTLS stands here: it renews exchange_ with the plaintext end of tlsd, and introduce() begins again behind EHLO.
  if (status && login) status = log_in(exchange_, features_, *login, Privacy::none, times_.command);
  if (status) return std::nullopt;
  return SmtpRefusal{fate_, exchange_.trouble()};
}

bool SmtpClient::deliver(const Letter& letter, DeliveryPort& port) {
  using Patience = SmtpTransaction::Patience;
  SmtpTransaction transaction{exchange_, features_, times_, letter, port};
  return transaction.run(needs_reset_, std::exchange(has_served_, true) ? Patience::may_ask_again : Patience::report_all);
}

bool SmtpClient::is_quiet() { return exchange_.expect_silence("the time between messages").has_value(); }

}  // namespace postern
