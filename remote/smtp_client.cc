#include "remote/smtp_client.h"

#include <cerrno>

#include "lib/net/remote_words.h"
#include "lib/os/log.h"

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

Status SmtpClient::hear_greeting() {
  PeerReply const greeting = TRY(exchange_.hear("the greeting", Deadline::in(times_.greeting)));
  if (greeting.code() != 220) return refuse(greeting, "the connection");
  return Done{};
}

Status SmtpClient::introduce(const std::string& helo) {
  features_ = {};
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

// The connection is of no use, for want of TLS.
Error SmtpClient::miss_tls(std::string_view status, const std::string& what, const TlsPlan& plan) {
  bool const must = plan.demand == TlsPlan::Demand::must;
  if (!must && way_ == SmtpRefusal::Way::other_host) way_ = SmtpRefusal::Way::in_the_clear;
  return exchange_.fail(status, must ? what + " (" + plan.why + ")" : what);
}

// RFC 3207 §4. The way to tlsd is had before the host is asked: behind its 220 there is no way back.
Status SmtpClient::secure(const std::string& helo, const TlsPlan& plan, TlsDoor& door) {
  bool const must = plan.demand == TlsPlan::Demand::must;
  if (plan.demand == TlsPlan::Demand::never || (!must && !features_.has_starttls)) return Done{};
  if (!features_.has_starttls) return miss_tls("4.7.10", "it offers no TLS (STARTTLS), and must", plan);
  auto tlsc = door.open();
  if (!tlsc && !must) {
    LogLine{"no-tls"}.add("host", host().text()).add("error", tlsc.error().text()).add("effect", "in the clear").write();
    return Done{};
  }
  if (!tlsc) {
    way_ = SmtpRefusal::Way::none;
    return miss_tls("4.3.0", "TLS cannot be had here, and must: " + tlsc.error().text(), plan);
  }
  PeerReply const reply = TRY(ask("STARTTLS\r\n", "STARTTLS"));
  if (reply.is_refusal() && !must) return Done{};  // it may have said so to both of us, or to none: policy lets it
  if (reply.code() != 220) return miss_tls("4.7.0", "it offers TLS, and answered STARTTLS with " + reply.text(), plan);
  if (exchange_.replies().has_bytes())  // whoever put them there meant them for the encrypted side (RFC 3207 §6)
    return exchange_.fail("4.7.0", "something came behind its answer to STARTTLS, before TLS");
  TRY(start_tls(*std::move(tlsc), plan));
  auto const status = introduce(helo);
  // With TLS 1.3 a host says only now that it does not like ours. One that says 421 inside of it is busy, and can do TLS.
  if (!status && !must && exchange_.was_left() && !exchange_.said_421()) way_ = SmtpRefusal::Way::in_the_clear;
  return status;
}

Status SmtpClient::start_tls(Fd tlsc, const TlsPlan& plan) {
  auto const facts = exchange_.start_tls(std::move(tlsc), plan.wanted, Deadline::in(times_.handshake));
  if (facts) {
    verified_ = facts->verified;
    LogLine{"tls"}
        .add("host", host().text())
        .add("protocol", facts->protocol)
        .add("cipher", facts->cipher)
        .add("verified", tls_verified_name(facts->verified))
        .add("why", facts->why)
        .write();
    return Done{};
  }
  const Error& error = facts.error();
  if (error.number() == 0) return miss_tls("4.7.5", "TLS did not come about: " + std::string{error.where()}, plan);
  if (error.number() == ETIMEDOUT) return miss_tls("4.7.5", "TLS did not come about in time", plan);
  if (plan.demand == TlsPlan::Demand::must) way_ = SmtpRefusal::Way::none;
  return miss_tls("4.3.0", "tlsd broke off: " + error.text(), plan);
}

std::optional<SmtpRefusal> SmtpClient::greet(const std::string& helo, const std::optional<SmtpLogin>& login, const TlsPlan& plan,
                                             TlsDoor& door) {
  auto status = hear_greeting();
  if (status) status = introduce(helo);
  if (status) status = secure(helo, plan, door);
  bool const is_known = verified_ == TlsVerified::name || verified_ == TlsVerified::dane;
  if (status && login)
    status = log_in(exchange_, features_, *login, is_known ? Privacy::encrypted : Privacy::none, times_.command);
  if (status) return std::nullopt;
  return SmtpRefusal{fate_, exchange_.trouble(), way_};
}

bool SmtpClient::deliver(const Letter& letter, DeliveryPort& port) {
  using Patience = SmtpTransaction::Patience;
  SmtpTransaction transaction{exchange_, features_, times_, letter, port};
  return transaction.run(needs_reset_, std::exchange(has_served_, true) ? Patience::may_ask_again : Patience::report_all);
}

bool SmtpClient::is_quiet() { return exchange_.expect_silence("the time between messages").has_value(); }

}  // namespace postern
