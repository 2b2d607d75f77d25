// smtp_client - one connection to another host's SMTP server, from its greeting to QUIT (RFC 5321)
//
// Whatever the other side sends, each recipient of a Letter is reported exactly once, and nothing is waited for without end:
// every reply has its time (RFC 5321 §4.5.3.2), so has every block of data that is sent, and so has the transaction as a whole.
// A connection on which the other side broke the protocol, spoke before it was asked, said 421 or fell silent is not used again.
// The last bytes of a message leave only when its checksum was right and the port said may_finish().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_file.h"
#include "lib/net/delivery_protocol.h"
#include "lib/net/ip.h"
#include "lib/os/fd.h"
#include "remote/peer_features.h"
#include "remote/peer_reply.h"

namespace postern {

struct MailHost {
  std::string name;  // as DNS or control/smtproutes has it
  IpAddress address;
};

struct SmtpTimes {  // RFC 5321 §4.5.3.2
  Milliseconds greeting = 5min;
  Milliseconds command = 5min;  // EHLO, MAIL, RCPT, RSET
  Milliseconds data = 2min;
  Milliseconds block = 3min;
  Milliseconds final_dot = 10min;
  Milliseconds transaction = 30min;              // and, for every recipient
  Milliseconds transaction_per_recipient = 30s;  // ... and for the message at the slowest rate that is waited for
  std::uint64_t bytes_per_second = 8192;
};

struct SmtpLogin {
  std::string user;
  std::string password;
};

// A message out of its queue file, and who of its recipients is meant. All of it outlives deliver().
struct Letter {
  int file;
  const Frame& frame;
  const Envelope& envelope;
  std::span<const std::uint32_t> recipients;  // indexes in envelope.recipients
};

// Who asked for a delivery.
class DeliveryPort {
 public:
  virtual ~DeliveryPort() = default;
  // Outcome is relayed, passed, deferred or failed; the text is as in lib/net/remote_words.h. Blame counts when deferred.
  virtual void report(std::uint32_t recipient, Outcome outcome, Blame blame, const std::string& text) = 0;
  virtual bool may_finish() = 0;  // asked just before the end of a message is sent; false: it never is, the connection is cut
};

// Why a connection is of no use: the host's trouble, not a message's.
struct SmtpRefusal {
  Fate fate;         // permanent: a 5yz greeting, for example; whether another host is tried is the caller's to say
  std::string text;  // for reports
};

class SmtpClient {
 public:
  SmtpClient(Fd socket, MailHost host, SmtpTimes times = {});

  // Once, before anything else: the greeting, EHLO or HELO, AUTH if there is a login. Nothing: deliver() may be called.
  std::optional<SmtpRefusal> greet(const std::string& helo, const std::optional<SmtpLogin>& login);

  void deliver(const Letter& letter, DeliveryPort& port);
  bool is_usable() const { return is_usable_; }  // for another deliver()
  bool is_quiet();                               // asked while idle: false when the other side spoke or left; not usable any more
  int socket() const { return socket_.number(); }  // readable while idle: is_quiet() has something to look at
  void quit();                                     // says QUIT and closes, waiting for nothing

  const MailHost& host() const { return host_; }
  const PeerFeatures& features() const { return features_; }

 private:
  MailHost host_;
  Fd socket_;
  SmtpTimes times_;
  ReplyReader replies_;
  PeerFeatures features_;
  bool is_usable_ = true;
};

}  // namespace postern
