// smtp_session - one client's dialogue, from the greeting to the end (RFC 5321)
//
// What may follow what is a table in smtp_session.cc. After anything that ends a transaction, well or badly, it is empty; after
// STARTTLS everything begins afresh. The class has three files: the dialogue, how it begins (session_start.cc: EHLO, STARTTLS,
// AUTH) and what is sent in it (session_mail.cc: MAIL, RCPT, DATA, BDAT).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/net/line_reader.h"
#include "lib/net/sasl_server.h"
#include "smtpd/client_info.h"
#include "smtpd/command_words.h"
#include "smtpd/message_quota.h"
#include "smtpd/message_transfer.h"
#include "smtpd/recipient_check.h"
#include "smtpd/secure_line.h"
#include "smtpd/sender_rights.h"
#include "smtpd/session_rules.h"
#include "smtpd/smtp_reply.h"

namespace postern {

// What a session knows, and whom it asks. All of them outlive it.
struct SessionParts {
  const SessionRules& rules;
  const RecipientCheck& recipients;
  const SenderRights& senders;
  const ClientInfo& client;
  MessageQueue& queue;
  SecureLine& line;
  AuthPort& auth;
  MessageQuota& quota;
};

class SmtpSession {
 public:
  // `in` and `out` outlive the session, too.
  SmtpSession(const SessionParts& parts, LineReader& in, ReplyWriter& out);

  // The whole session; whatever ends it is logged, and nothing of it is an error of this program. `has_talked`: bytes
  // came before the greeting.
  enum class Start : unsigned char { polite, early_talker };
  using Greet = Start (*)(const SessionRules& rules, const ClientInfo& client);  // waits until it is time to greet
  void run(Greet greet);
  bool was_cut_off() const { return was_cut_off_; }  // by us: the client may still be sending

 private:
  using Act = Status (SmtpSession::*)(std::string_view argument);
  struct Verb {
    std::string_view name;
    unsigned allowed_in;  // phases
    Act act;              // none: known, and not done here
    std::string_view out_of_order;
  };
  static const Verb verbs[];
  static const Verb* find_verb(std::string_view name);
  enum Phase : unsigned { fresh = 1, greeted = 2, has_sender = 4, has_recipient = 8, in_chunks = 16, anytime = 31 };

  Status converse(Greet greet);
  Status command(const LineReader::Line& line);
  Status ehlo(std::string_view argument);
  Status helo(std::string_view argument);
  Status starttls(std::string_view argument);
  Status auth(std::string_view argument);
  Status mail(std::string_view argument);
  Status rcpt(std::string_view argument);
  Status data(std::string_view argument);
  Status bdat(std::string_view argument);
  Status rset(std::string_view argument);
  Status noop(std::string_view argument);
  Status vrfy(std::string_view argument);
  Status help(std::string_view argument);
  Status quit(std::string_view argument);

  bool take_name(std::string_view argument);
  bool offers_tls() const { return rules_.has_certificates && !tls_; }
  bool start_tls();  // false: the session is over
  AuthContext auth_context() const;
  std::string_view auth_refusal() const;
  Status converse_sasl(SaslServer& sasl, SaslServer::Step step, std::string_view mechanism);
  Status conclude_sasl(const SaslServer::Step& step, std::string_view mechanism);
  std::string_view mail_refusal() const;  // of a session that lacks TLS or a login; or empty
  std::string_view sender_refusal(const Address& sender) const;
  std::string protocol() const;
  std::string_view refusal_of(const RecipientCheck::Answer& answer) const;
  void add_recipient(Address address, unsigned notify, std::string original);
  Status begin_transfer(MessageBody::Framing framing);
  Result<bool> receive(std::uint64_t most);  // false: the client went away
  Status swallow(std::uint64_t bytes);
  void finish_message();
  void end_transaction();

  Done say(std::string_view reply);
  Done refuse_command(std::string_view reply);  // a bad command: counted
  Done refuse_recipient(std::string_view reply, std::string_view recipient, RecipientCheck::Verdict verdict);
  Done cut_off(std::string_view reply, std::string_view why);
  void log_refusal(std::string_view reply, std::string_view recipient);
  void log_end(Milliseconds started);
  Status flush_before_waiting();
  Deadline patience() const;  // until when the client may keep us waiting

  const SessionRules& rules_;
  const RecipientCheck& recipients_;
  const SenderRights& senders_;
  const ClientInfo& client_;
  MessageQueue& queue_;
  SecureLine& line_;
  AuthPort& auth_;
  MessageQuota& quota_;
  LineReader& in_;
  ReplyWriter& out_;

  Phase phase_ = fresh;
  bool is_over_ = false;
  bool was_cut_off_ = false;
  std::string_view why_ended_ = "eof";
  std::string error_;      // of a connection that was lost
  std::string_view verb_;  // of the command under way
  std::string helo_;
  bool is_extended_ = false;  // EHLO
  std::optional<TlsFacts> tls_;
  std::string login_;  // who logged in
  bool was_asked_for_login_ = false;  // AUTH, taken or not
  Envelope envelope_;
  std::uint64_t message_size_ = 0;  // as MAIL says; 0 is unknown
  std::size_t envelope_bytes_ = 0;
  std::optional<MessageTransfer> transfer_;
  bool is_counted_ = false;  // in the quota, for the message under way
  Deadline session_end_;
  Deadline transaction_end_ = Deadline::never();

  std::uint64_t bad_commands_ = 0;
  std::uint64_t unknown_recipients_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_messages_ = 0;
  std::uint64_t failed_logins_ = 0;
};

}  // namespace postern
