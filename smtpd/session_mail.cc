// What is sent in a session: MAIL, RCPT, DATA and BDAT.
#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/date.h"
#include "lib/os/log.h"
#include "smtpd/smtp_command.h"
#include "smtpd/smtp_session.h"

namespace postern {
namespace {

constexpr std::size_t envelope_room = longest_envelope - 65536;  // for recipients
constexpr std::size_t recipient_overhead = 24;                   // of their records, besides what the client wrote

}  // namespace

// On the ports for submission nothing is taken from strangers (RFC 6409 §4.3), and no login in the clear (RFC 8314 §3.3).
std::string_view SmtpSession::mail_refusal() const {
  if (!rules_.is_submission() || !login_.empty()) return {};
  return tls_ ? "530 5.7.0 Log in first" : "530 5.7.0 STARTTLS comes first";
}

std::string_view SmtpSession::sender_refusal(const Address& sender) const {
  if (!rules_.is_submission() || sender.is_null_sender()) return {};
  auto const may = senders_.may_send(login_, sender, recipients_);
  if (!may) {
    LogLine{"users"}.add("error", may.error().text()).write();
    return "451 4.3.0 Whose address that is cannot be looked up now; try again";
  }
  return *may ? std::string_view{} : "553 5.7.1 That sender's address is not yours to use";
}

// RFC 3848, RFC 6531 §4.3.
std::string SmtpSession::protocol() const {
  if (!is_extended_) return "SMTP";
  std::string name = envelope_.is_utf8 ? "UTF8SMTP" : "ESMTP";
  if (tls_) name += 'S';
  if (!login_.empty()) name += 'A';
  return name;
}

Status SmtpSession::mail(std::string_view argument) {
  if (auto const refusal = mail_refusal(); !refusal.empty()) return refuse_command(refusal);
  auto command = MailCommand::parse(Wire{argument});
  if (!command) return refuse_command(command.error().what());
  if (command->has_auth && !rules_.is_submission()) return refuse_command("555 5.5.4 Parameter not implemented");
  if (rules_.message_bytes != 0 && command->size > rules_.message_bytes)
    return refuse_command("552 5.3.4 The message is larger than this host takes");
  if (auto const refusal = sender_refusal(command->sender); !refusal.empty()) return refuse_command(refusal);
  envelope_.origin = rules_.is_submission() ? Origin::submission : Origin::inbound;
  envelope_.sender = std::move(command->sender);
  message_size_ = command->size;
  envelope_.is_eight_bit = command->is_eight_bit;
  envelope_.is_utf8 = command->is_utf8;
  envelope_.ret = command->ret;
  envelope_.envid = std::move(command->envid);
  if (rules_.names_client) envelope_.client = client_.address, envelope_.helo = helo_;
  envelope_.protocol = protocol();
  envelope_.login = login_;
  if (tls_) envelope_.tls = tls_->protocol + " " + tls_->cipher;
  phase_ = has_sender;
  transaction_end_ = Deadline::in(rules_.transaction_time);
  return say("250 2.1.0 Ok");
}

std::string_view SmtpSession::refusal_of(const RecipientCheck::Answer& answer) const {
  switch (answer.verdict) {
    case RecipientCheck::Verdict::relaying:
      if (rules_.is_submission()) return {};  // that is what they log in for
      return "550 5.7.1 This host does not relay to that domain";
    case RecipientCheck::Verdict::unknown:
      return "550 5.1.1 No such mailbox here";
    case RecipientCheck::Verdict::try_later:
      return "451 4.3.0 The mailbox cannot be looked up now; try again";
    case RecipientCheck::Verdict::full:
      return "452 4.2.2 That mailbox is full; try again later";
    case RecipientCheck::Verdict::too_large:  // RFC 3463 §3.3: X.2.3 is for good, X.2.2 is not
      return "552 5.2.3 The message is larger than that mailbox may hold";
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
    auto answer = recipients_.check(*std::move(command->address), message_size_);
    if (!answer.error.empty()) LogLine{"users"}.add("error", answer.error).write();
    if (auto const refusal = refusal_of(answer); !refusal.empty()) return refuse_recipient(refusal, asked, answer.verdict);
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
  if (!begin_transfer(MessageBody::Framing::dots)) {
    finish_message();
    return Done{};
  }
  say("354 End with CR LF . CR LF");
  if (TRY(receive(any_size))) finish_message();
  return Done{};
}

// An error: the transfer has its refusal already.
Status SmtpSession::begin_transfer(MessageBody::Framing framing) {
  transfer_.emplace(queue_, rules_, framing);
  if (!rules_.is_submission()) return transfer_->begin();
  if (auto const refusal = quota_.take(login_, envelope_.recipients.size()); !refusal.empty()) {
    transfer_->refuse(refusal);
    return temporary("over the limit");
  }
  is_counted_ = true;
  WallTime const now = wall_now();
  auto const id = QueueId::fresh(now);
  if (!id) {
    transfer_->refuse("451 4.3.0 This host is in trouble; try again");
    return id.error();
  }
  transfer_->mend_header({.may_send = [this](const Address& address) { return senders_.may_send(login_, address, recipients_); },
                          .host = rules_.me,
                          .date = MailDate{now}.text(),
                          .message_id = id->text() + "@" + rules_.id_host,
                          .is_utf8 = envelope_.is_utf8,
                          .most_bytes = rules_.header_bytes});
  return transfer_->begin();
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
    [[maybe_unused]] auto const begun = begin_transfer(MessageBody::Framing::counted);  // a failure is its refusal
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
  if (outcome.id) is_counted_ = false;
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
  if (!login_.empty()) line.add("login", login_);
  if (tls_) line.add("tls", tls_->protocol).add("cipher", tls_->cipher);
  line.add("recipients", envelope_.recipients.size()).add("recipient", envelope_.recipients.front().address.text());
  line.add("bytes", transfer_->size()).write();
  ++(outcome.id ? accepted_ : refused_messages_);
  end_transaction();
}

}  // namespace postern
