// smtp_session - one client's dialogue, from the greeting to the end (RFC 5321)
//
// What may follow what is a table in the .cc file. After anything that ends a transaction, well or badly, it is empty.
// TLS and authentication would stand beside converse(): a verb of the table each, and a session begun afresh.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/net/line_reader.h"
#include "smtpd/client_info.h"
#include "smtpd/command_words.h"
#include "smtpd/message_transfer.h"
#include "smtpd/recipient_check.h"
#include "smtpd/session_rules.h"
#include "smtpd/smtp_reply.h"

namespace postern {

class SmtpSession {
 public:
  // All of them outlive the session.
  SmtpSession(const SessionRules& rules, const RecipientCheck& recipients, MessageQueue& queue, const ClientInfo& client,
              LineReader& in, ReplyWriter& out);

  // The whole session; whatever ends it is logged, and nothing of it is an error of this program. `has_talked`: bytes
  // came before the greeting.
  enum class Start : unsigned char { polite, early_talker };
  void run(Start start);
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

  Status converse(Start start);
  Status command(const LineReader::Line& line);
  Status ehlo(std::string_view argument);
  Status helo(std::string_view argument);
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
  std::string_view refusal_of(const RecipientCheck::Answer& answer) const;
  void add_recipient(Address address, unsigned notify, std::string original);
  Result<bool> receive(std::uint64_t most);  // false: the client went away
  Status swallow(std::uint64_t bytes);
  void finish_message();
  void end_transaction();

  Done say(std::string_view reply);
  Done refuse_command(std::string_view reply);  // a bad command: counted
  Done refuse_recipient(std::string_view reply, std::string_view recipient);
  Done cut_off(std::string_view reply, std::string_view why);
  void log_refusal(std::string_view reply, std::string_view recipient);
  void log_end(Milliseconds started);
  Status flush_before_waiting();
  Deadline patience() const;  // until when the client may keep us waiting

  const SessionRules& rules_;
  const RecipientCheck& recipients_;
  MessageQueue& queue_;
  const ClientInfo& client_;
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
  Envelope envelope_;
  std::size_t envelope_bytes_ = 0;
  std::optional<MessageTransfer> transfer_;
  Deadline session_end_;
  Deadline transaction_end_ = Deadline::never();

  std::uint64_t bad_commands_ = 0;
  std::uint64_t unknown_recipients_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_messages_ = 0;
};

}  // namespace postern
