// smtp_transaction - one message to some recipients over one connection: MAIL, RCPT, then DATA or BDAT (RFC 5321 §3.3, RFC 3030)
//
// With PIPELINING (RFC 2920) MAIL, every RCPT and DATA are one question; answers are matched by their order alone. Recipients
// whom the server wants in a transaction of their own (452 "too many") get it at once. Every recipient is reported exactly once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_file.h"
#include "lib/net/delivery_protocol.h"
#include "remote/mail_commands.h"
#include "remote/outgoing_body.h"
#include "remote/peer_features.h"
#include "remote/smtp_exchange.h"
#include "remote/wire_writer.h"

namespace postern {

struct SmtpTimes {  // RFC 5321 §4.5.3.2
  Milliseconds greeting = 5min;
  Milliseconds command = 5min;   // EHLO, MAIL, RCPT, RSET
  Milliseconds handshake = 70s;  // of TLS; tlsd gives up after 60 s
  Milliseconds data = 2min;
  Milliseconds block = 3min;
  Milliseconds final_dot = 10min;
  Milliseconds transaction = 30min;              // in all, and for every recipient
  Milliseconds transaction_per_recipient = 30s;  // ... and for the message's bytes
  std::uint64_t bytes_per_second = 8192;         // ... at the slowest rate that is waited for
};

// A message out of its queue file, and who of its recipients is meant. All of it outlives the transaction.
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

class SmtpTransaction {
 public:
  SmtpTransaction(SmtpExchange& exchange, const PeerFeatures& features, const SmtpTimes& times, const Letter& letter,
                  DeliveryPort& port);

  // `needs_reset`: an earlier transaction was left open; and after it, this one. Where it may be asked again it returns false,
  // and nobody was reported, when the other side had ended the connection before it was asked, or answered MAIL with 421.
  enum class Patience : unsigned char { report_all, may_ask_again };
  bool run(bool& needs_reset, Patience patience);

 private:
  enum class Verb : unsigned char { rset, mail, rcpt, data };
  enum class State : unsigned char { waiting, accepted, postponed, reported };
  enum class Sender : unsigned char { unknown, taken, refused };
  struct Target {
    std::uint32_t recipient;
    State state;
  };
  struct Step {
    Verb verb;
    Target* target;
  };

  std::optional<OutgoingBody> prepare(std::string_view message);
  bool has_utf8_fields(std::string_view message, const MessageTraits& traits) const;
  void choose_form(bool has_utf8_fields);
  Status round(const OutgoingBody& body);
  std::vector<Step> steps();
  Status converse(std::span<const Step> steps);
  std::string command(const Step& step) const;
  Status hear(const Step& step);
  Status hear_sender();
  Status hear_recipient(Target& target);
  Status hear_data();
  Status send(const OutgoingBody& body);
  Status send_nothing();
  Status hear_outcome();
  Status hear_last_words(const Error& error);

  void report(Target& target, Outcome outcome, Blame blame, const std::string& text);
  void report_all(State state, Outcome outcome, Blame blame, const std::string& text);
  void refuse(Target& target, const PeerReply& reply);
  void refuse_all(State state, const PeerReply& reply);
  void fail_all(std::string_view status, std::string_view why);  // in our words
  std::size_t count(State state) const;
  Deadline until(Milliseconds wait) const { return Deadline::in(wait).or_sooner(end_); }
  Error nonsense(std::string_view verb, const PeerReply& reply);

  SmtpExchange& exchange_;
  const PeerFeatures& features_;
  const SmtpTimes& times_;
  const Letter& letter_;
  DeliveryPort& port_;
  std::vector<Target> targets_;
  TransactionForm form_;
  Deadline end_ = Deadline::never();

  bool needs_reset_ = false;

  // of the round under way
  Sender sender_ = Sender::unknown;
  bool is_data_open_ = false;  // 354
};

}  // namespace postern
