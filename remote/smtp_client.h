// smtp_client - one connection to another host's SMTP server, from its greeting to QUIT (RFC 5321)
//
// Whatever the other side sends, each recipient of a Letter is reported exactly once, and nothing is waited for without end:
// every reply has its time (RFC 5321 §4.5.3.2), so has every block of data that is sent, and so has the transaction as a whole.
// A connection on which the other side broke the protocol, spoke before it was asked, said 421 or fell silent is not used again.
// The last bytes of a message leave only when its checksum was right and the port said may_finish().
#pragma once

#include <optional>
#include <string>

#include "remote/peer_features.h"
#include "remote/smtp_exchange.h"
#include "remote/smtp_login.h"
#include "remote/smtp_transaction.h"
#include "remote/tls_door.h"
#include "remote/tls_plan.h"

namespace postern {

// Why a connection is of no use: the host's trouble, not a message's.
struct SmtpRefusal {
  Fate fate;         // permanent: a 5yz greeting, for example; whether another host is tried is the caller's to say
  std::string text;  // for reports
  // TLS did not come about, and the plan does not insist on it: a new connection may do without. Or it is this host's trouble,
  // and no other host would be better off.
  enum class Way : unsigned char { other_host, in_the_clear, none } way = Way::other_host;
};

class SmtpClient {
 public:
  SmtpClient(Fd socket, MailHost host, const SmtpTimes& times = {})
      : times_(times), exchange_(std::move(socket), std::move(host)) {}

  // Once, before anything else: the greeting, EHLO or HELO, STARTTLS and EHLO again as planned, AUTH if there is a login.
  // Nothing: deliver() may be called.
  std::optional<SmtpRefusal> greet(const std::string& helo, const std::optional<SmtpLogin>& login, const TlsPlan& plan,
                                   TlsDoor& door);

  // False, and nobody was reported: a connection that had served before was ended by the other side meanwhile. Open another and
  // deliver there.
  [[nodiscard]] bool deliver(const Letter& letter, DeliveryPort& port);
  bool is_usable() const { return exchange_.is_open(); }  // for another deliver()
  bool is_quiet();  // asked while idle: false when the other side spoke or left; not usable any more
  int socket() const { return exchange_.socket(); }  // readable while idle: is_quiet() has something to look at
  void quit() { exchange_.say_goodbye(); }           // QUIT, and closes, waiting for nothing

  const MailHost& host() const { return exchange_.host(); }
  const PeerFeatures& features() const { return features_; }

 private:
  Status hear_greeting();
  Status introduce(const std::string& helo);
  Status secure(const std::string& helo, const TlsPlan& plan, TlsDoor& door);
  Status start_tls(Fd tlsc, const TlsPlan& plan);
  Error miss_tls(std::string_view status, const std::string& what, const TlsPlan& plan);
  Result<PeerReply> ask(const std::string& command, std::string_view about);
  Error refuse(const PeerReply& reply, std::string_view about);
  SmtpTimes times_;
  SmtpExchange exchange_;
  PeerFeatures features_;
  Fate fate_ = Fate::temporary;  // of a refusal
  SmtpRefusal::Way way_ = SmtpRefusal::Way::other_host;
  TlsVerified verified_ = TlsVerified::none;
  bool has_served_ = false;
  bool needs_reset_ = false;
};

}  // namespace postern
