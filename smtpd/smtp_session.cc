#include "smtpd/smtp_session.h"

#include <cerrno>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/log.h"
#include "smtpd/smtp_command.h"

namespace postern {
namespace {

// RFC 5321 §4.5.3.1.4 asks for 512 bytes; ORCPT, ENVID and UTF-8 addresses add to it.
constexpr std::size_t longest_command = 4096;
constexpr std::size_t envelope_room = longest_envelope - 65536;  // for recipients
constexpr std::size_t recipient_overhead = 24;                   // of their records, besides what the client wrote

}  // namespace

// RFC 5321 §4.1.4, RFC 3030 §2: what may follow what.
constexpr SmtpSession::Verb SmtpSession::verbs[] = {
    {"EHLO", anytime, &SmtpSession::ehlo, ""},
    {"HELO", anytime, &SmtpSession::helo, ""},
    {"MAIL", greeted, &SmtpSession::mail, "503 5.5.1 EHLO comes first, and one MAIL at a time"},
    {"RCPT", has_sender | has_recipient, &SmtpSession::rcpt, "503 5.5.1 MAIL comes before RCPT, and BDAT after"},
    {"DATA", anytime, &SmtpSession::data, ""},  // these two empty the transaction when they
    {"BDAT", anytime, &SmtpSession::bdat, ""},  // fail, and BDAT has bytes behind it in any case
    {"RSET", anytime, &SmtpSession::rset, ""},
    {"NOOP", anytime, &SmtpSession::noop, ""},
    {"VRFY", anytime, &SmtpSession::vrfy, ""},
    {"HELP", anytime, &SmtpSession::help, ""},
    {"QUIT", anytime, &SmtpSession::quit, ""},
    {"EXPN", anytime, nullptr, ""},
    {"TURN", anytime, nullptr, ""},
    {"ETRN", anytime, nullptr, ""},
    {"AUTH", anytime, nullptr, ""},
    {"STARTTLS", anytime, nullptr, ""},
};

const SmtpSession::Verb* SmtpSession::find_verb(std::string_view name) {
  for (const Verb& verb : verbs)
    if (equal_ignoring_case(verb.name, name)) return &verb;
  return nullptr;
}

SmtpSession::SmtpSession(const SessionRules& rules, const RecipientCheck& recipients, MessageQueue& queue,
                         const ClientInfo& client, LineReader& in, ReplyWriter& out)
    : rules_(rules),
      recipients_(recipients),
      queue_(queue),
      client_(client),
      in_(in),
      out_(out),
      session_end_(Deadline::in(rules.session_time)) {}

void SmtpSession::run(Start start) {
  Milliseconds const started = monotonic_now();
  if (Status const status = converse(start); !status) {
    if (status.error().number() == ETIMEDOUT) {
      cut_off("421 4.4.2 Timeout; closing", session_end_.has_passed()       ? "session-time"
                                            : transaction_end_.has_passed() ? "transaction-time"
                                                                            : "timeout");
      [[maybe_unused]] auto const flushed = out_.flush(Deadline::in(1s));
    } else {
      why_ended_ = "connection-lost";
      error_ = status.error().text();
    }
  }
  end_transaction();
  log_end(started);
}

Status SmtpSession::converse(Start start) {
  if (start == Start::early_talker && rules_.early_talkers == EarlyTalkers::refuse)
    cut_off("554 5.5.1 You spoke before the greeting", "early-talker");
  else
    say("220 " + rules_.greeting);
  while (!is_over_) {
    TRY(flush_before_waiting());
    auto const line = TRY(in_.next(longest_command, patience()));
    if (!line) return Done{};
    TRY(command(*line));
  }
  return out_.flush(patience());
}

Deadline SmtpSession::patience() const {
  return Deadline::in(rules_.command_time).or_sooner(session_end_).or_sooner(transaction_end_);
}

Status SmtpSession::flush_before_waiting() {
  if (in_.has_line() && !out_.is_large()) return Done{};
  return out_.flush(patience());
}

Status SmtpSession::command(const LineReader::Line& line) {
  verb_ = "";
  if (session_end_.has_passed()) return cut_off("421 4.4.2 This session is too long; closing", "session-time");
  if (line.was_cut) return refuse_command("500 5.5.2 Line too long");
  auto const words = CommandLine::parse(line.bytes);
  if (!words) return refuse_command(words.error().what());
  const Verb* const verb = find_verb(words->verb);
  verb_ = verb ? verb->name : words->verb;
  if (!verb) return refuse_command("500 5.5.1 Command unknown");
  if (!verb->act) return refuse_command("502 5.5.1 Command not implemented");
  if (!(verb->allowed_in & phase_)) return refuse_command(verb->out_of_order);
  return (this->*verb->act)(words->argument);
}

// The name a client gives itself is never verified (RFC 5321 §4.1.4), but it goes into a header.
bool SmtpSession::take_name(std::string_view argument) {
  constexpr std::size_t longest_name = 255;
  if (argument.empty() || argument.size() > longest_name) return false;
  for (char const c : argument)
    if (!is_graphic(c) && !is_eight_bit(c)) return false;
  end_transaction();
  helo_ = argument;
  phase_ = greeted;
  return true;
}

Status SmtpSession::helo(std::string_view argument) {
  if (!take_name(argument)) return refuse_command("501 5.5.4 HELO needs your name");
  is_extended_ = false;
  return say("250 " + rules_.me);
}

Status SmtpSession::ehlo(std::string_view argument) {
  if (!take_name(argument)) return refuse_command("501 5.5.4 EHLO needs your name");
  is_extended_ = true;
  say("250-" + rules_.me);
  say("250-PIPELINING");
  say("250-SIZE " + decimal(rules_.message_bytes));
  say("250-8BITMIME");
  say("250-SMTPUTF8");
  say("250-CHUNKING");
  say("250-ENHANCEDSTATUSCODES");
  return say("250 DSN");
}

Status SmtpSession::mail(std::string_view argument) {
  auto command = MailCommand::parse(Wire{argument});
  if (!command) return refuse_command(command.error().what());
  if (rules_.message_bytes != 0 && command->size > rules_.message_bytes)
    return refuse_command("552 5.3.4 The message is larger than this host takes");
  envelope_.origin = Origin::inbound;
  envelope_.sender = std::move(command->sender);
  envelope_.is_eight_bit = command->is_eight_bit;
  envelope_.is_utf8 = command->is_utf8;
  envelope_.ret = command->ret;
  envelope_.envid = std::move(command->envid);
  envelope_.client = client_.address;
  envelope_.helo = helo_;
  envelope_.protocol = !is_extended_ ? "SMTP" : command->is_utf8 ? "UTF8SMTP" : "ESMTP";  // RFC 6531 §4.3
  phase_ = has_sender;
  transaction_end_ = Deadline::in(rules_.transaction_time);
  return say("250 2.1.0 Ok");
}

std::string_view SmtpSession::refusal_of(const RecipientCheck::Answer& answer) const {
  switch (answer.verdict) {
    case RecipientCheck::Verdict::relaying:
      return "550 5.7.1 This host does not relay to that domain";
    case RecipientCheck::Verdict::unknown:
      return "550 5.1.1 No such mailbox here";
    case RecipientCheck::Verdict::try_later:
      return "451 4.3.0 The mailbox cannot be looked up now; try again";
    case RecipientCheck::Verdict::accept:
      break;
  }
  return {};
}

Status SmtpSession::rcpt(std::string_view argument) {
  auto command = RcptCommand::parse(Wire{argument}, envelope_.is_utf8);
  if (!command) return refuse_command(command.error().what());
  std::size_t const room_needed = argument.size() + recipient_overhead;
  if (envelope_.recipients.size() >= rules_.recipients || envelope_bytes_ + room_needed > envelope_room)
    return say("452 4.5.3 Too many recipients; send the rest separately");
  if (!command->address) {
    add_recipient(recipients_.postmaster(), command->notify, std::move(command->original));
  } else {
    std::string const asked = command->address->text();
    auto answer = recipients_.check(*std::move(command->address));
    if (!answer.error.empty()) LogLine{"users"}.add("error", answer.error).write();
    if (auto const refusal = refusal_of(answer); !refusal.empty()) return refuse_recipient(refusal, asked);
    add_recipient(std::move(answer.address), command->notify, std::move(command->original));
  }
  envelope_bytes_ += room_needed;
  phase_ = has_recipient;
  return say("250 2.1.5 Ok");
}

void SmtpSession::add_recipient(Address address, unsigned notify, std::string original) {
  envelope_.recipients.push_back(Recipient{std::move(address), notify, std::move(original), 0});
}

Status SmtpSession::data(std::string_view argument) {
  std::string_view const refusal = !argument.empty()         ? "501 5.5.4 DATA takes no argument"
                                   : phase_ == in_chunks     ? "503 5.5.1 BDAT was used; DATA does not mix with it"
                                   : phase_ == has_sender    ? "554 5.5.1 No valid recipients"
                                   : phase_ != has_recipient ? "503 5.5.1 MAIL and RCPT come before DATA"
                                                             : "";
  if (!refusal.empty()) {
    end_transaction();
    return refuse_command(refusal);
  }
  transfer_.emplace(queue_, rules_, MessageBody::Framing::dots);
  if (!transfer_->begin()) {
    finish_message();
    return Done{};
  }
  say("354 End with CR LF . CR LF");
  if (TRY(receive(any_size))) finish_message();
  return Done{};
}

// Feeds the transfer until its message or `most` bytes end.
Result<bool> SmtpSession::receive(std::uint64_t most) {
  while (most > 0 && !transfer_->has_ended()) {
    if (in_.nothing_waiting()) TRY(out_.flush(patience()));
    std::string_view const waiting = TRY(in_.some(patience()));
    if (waiting.empty()) {
      is_over_ = true;
      return false;
    }
    std::size_t const taken = transfer_->take(waiting.substr(0, most < waiting.size() ? most : waiting.size()));
    in_.consume(taken);
    most -= taken;
  }
  return true;
}

Status SmtpSession::swallow(std::uint64_t bytes) {
  while (bytes > 0) {
    if (in_.nothing_waiting()) TRY(out_.flush(patience()));
    std::string_view const waiting = TRY(in_.some(patience()));
    if (waiting.empty()) {
      is_over_ = true;
      return Done{};
    }
    std::size_t const taken = bytes < waiting.size() ? bytes : waiting.size();
    in_.consume(taken);
    bytes -= taken;
  }
  return Done{};
}

// RFC 3030 §2: whatever the answer, the chunk's bytes are read and never taken for commands.
Status SmtpSession::bdat(std::string_view argument) {
  auto const chunk = BdatCommand::parse(Wire{argument});
  if (!chunk) {
    end_transaction();
    std::string_view const reply = chunk.error().what();
    if (!reply.starts_with("501")) return cut_off(reply, "chunk-size");
    return refuse_command(reply);
  }
  if (!(phase_ & (has_recipient | in_chunks))) {
    std::string_view const reply =
        phase_ == has_sender ? "554 5.5.1 No valid recipients" : "503 5.5.1 MAIL and RCPT come before BDAT";
    end_transaction();
    TRY(swallow(chunk->size));
    return refuse_command(reply);
  }
  if (phase_ == has_recipient) {
    transfer_.emplace(queue_, rules_, MessageBody::Framing::counted);
    [[maybe_unused]] auto const begun = transfer_->begin();  // a failure is its refusal
    phase_ = in_chunks;
  }
  if (!TRY(receive(chunk->size))) return Done{};
  if (chunk->is_last || !transfer_->refusal().empty())
    finish_message();
  else
    say("250 2.0.0 " + decimal(chunk->size) + " bytes taken");
  return Done{};
}

void SmtpSession::finish_message() {
  auto const outcome = transfer_->finish(envelope_);
  say(outcome.reply);
  LogLine line{outcome.id ? "accepted" : "refused"};
  if (outcome.id)
    line.add("id", outcome.id->view());
  else
    line.add("command", verb_).add("reply", outcome.reply);
  if (!outcome.error.empty()) line.add("error", outcome.error);
  line.add("client", client_.address)
      .add("helo", helo_)
      .add("protocol", envelope_.protocol)
      .add("sender", envelope_.sender.text());
  line.add("recipients", envelope_.recipients.size()).add("recipient", envelope_.recipients.front().address.text());
  line.add("bytes", transfer_->size()).write();
  ++(outcome.id ? accepted_ : refused_messages_);
  end_transaction();
}

void SmtpSession::end_transaction() {
  transfer_.reset();
  envelope_ = Envelope{};
  envelope_bytes_ = 0;
  transaction_end_ = Deadline::never();
  if (phase_ != fresh) phase_ = greeted;
}

Status SmtpSession::rset(std::string_view argument) {
  if (!argument.empty()) return refuse_command("501 5.5.4 RSET takes no argument");
  end_transaction();
  return say("250 2.0.0 Ok");
}

Status SmtpSession::noop(std::string_view) { return say("250 2.0.0 Ok"); }

// RFC 5321 §3.5.3, §7.3: whether a mailbox exists is told at RCPT only.
Status SmtpSession::vrfy(std::string_view argument) {
  if (argument.empty()) return refuse_command("501 5.5.4 VRFY needs an address");
  return say("252 2.5.0 Send mail to it, and see");
}

Status SmtpSession::help(std::string_view) { return say("214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"); }

Status SmtpSession::quit(std::string_view argument) {
  if (!argument.empty()) return refuse_command("501 5.5.4 QUIT takes no argument");
  is_over_ = true;
  why_ended_ = "quit";
  return say("221 2.0.0 " + rules_.me + " closing");
}

Done SmtpSession::say(std::string_view reply) {
  out_.say(reply);
  return Done{};
}

Done SmtpSession::refuse_command(std::string_view reply) {
  log_refusal(reply, {});
  if (++bad_commands_ > rules_.bad_commands) return cut_off("421 4.7.0 Too many bad commands; closing", "bad-commands");
  return say(reply);
}

Done SmtpSession::refuse_recipient(std::string_view reply, std::string_view recipient) {
  log_refusal(reply, recipient);
  if (++unknown_recipients_ > rules_.unknown_recipients)
    return cut_off("421 4.7.0 Too many recipients that do not exist; closing", "unknown-recipients");
  return say(reply);
}

Done SmtpSession::cut_off(std::string_view reply, std::string_view why) {
  say(reply);
  why_ended_ = why;
  is_over_ = true;
  was_cut_off_ = true;
  return Done{};
}

void SmtpSession::log_refusal(std::string_view reply, std::string_view recipient) {
  LogLine line{"refused"};
  line.add("command", verb_).add("reply", reply).add("client", client_.address).add("helo", helo_);
  if (phase_ > greeted) line.add("sender", envelope_.sender.text());
  if (!recipient.empty()) line.add("recipient", recipient);
  line.write();
}

void SmtpSession::log_end(Milliseconds started) {
  auto const seconds = static_cast<std::uint64_t>((monotonic_now() - started).count()) / 1000;
  LogLine line{"disconnect"};
  line.add("client", client_.address).add("why", why_ended_).add("accepted", accepted_).add("refused", refused_messages_);
  line.add("unknown", unknown_recipients_).add("bad", bad_commands_).add("seconds", seconds);
  if (!error_.empty()) line.add("error", error_);
  line.write();
}

}  // namespace postern
