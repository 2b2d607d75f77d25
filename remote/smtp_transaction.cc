#include "remote/smtp_transaction.h"

#include <algorithm>
#include <cerrno>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/net/remote_words.h"
#include "remote/message_text.h"

namespace postern {
namespace {

constexpr std::size_t batch_most = 16'384;  // bytes of commands sent before their replies are read
constexpr std::string_view damaged = "4.3.0 the message in the queue is damaged (its checksum is wrong)";

// RFC 5321 §4.5.3.1.10: as many recipients as it takes at once; 552 is what older servers say.
bool is_too_many(const PeerReply& reply) {
  if (reply.code() == 452) return !reply.has_status() || reply.status() == "4.5.3";
  return reply.code() == 552 && (!reply.has_status() || reply.status() == "5.5.3");
}

}  // namespace

SmtpTransaction::SmtpTransaction(SmtpExchange& exchange, const PeerFeatures& features, const SmtpTimes& times,
                                 const Letter& letter, DeliveryPort& port)
    : exchange_(exchange), features_(features), times_(times), letter_(letter), port_(port) {
  for (std::uint32_t const recipient : letter.recipients) targets_.push_back({recipient, State::waiting});
}

void SmtpTransaction::report(Target& target, Outcome outcome, Blame blame, const std::string& text) {
  if (target.state == State::reported) return;
  target.state = State::reported;
  port_.report(target.recipient, outcome, blame, text);
}

void SmtpTransaction::report_all(State state, Outcome outcome, Blame blame, const std::string& text) {
  for (Target& target : targets_)
    if (target.state == state) report(target, outcome, blame, text);
}

// RFC 3207 §4: a host that wants TLS, which could not be had now, says 530 to everything else.
void SmtpTransaction::refuse(Target& target, const PeerReply& reply) {
  std::string text = exchange_.said(reply);
  if (reply.code() == 530 && features_.has_starttls && !exchange_.is_encrypted()) {
    text.front() = '4';
    return report(target, Outcome::deferred, Blame::destination, text);
  }
  report(target, reply.is_permanent() ? Outcome::failed : Outcome::deferred, Blame::message, text);
}

void SmtpTransaction::refuse_all(State state, const PeerReply& reply) {
  for (Target& target : targets_)
    if (target.state == state) refuse(target, reply);
}

void SmtpTransaction::fail_all(std::string_view status, std::string_view why) {
  report_all(State::waiting, Outcome::failed, Blame::message, remote_trouble(status, exchange_.host().text(), why));
}

std::size_t SmtpTransaction::count(State state) const {
  return static_cast<std::size_t>(
      std::count_if(targets_.begin(), targets_.end(), [state](const Target& target) { return target.state == state; }));
}

Error SmtpTransaction::nonsense(std::string_view verb, const PeerReply& reply) {
  std::string what = "it answered ";
  what += verb;
  what += " with " + reply.text();
  return exchange_.fail("4.5.0", what);
}

// RFC 6531 §3.4: the message was handed in as one with UTF-8 in its fields, and has some; RFC 6532 §3: those of its parts count.
bool SmtpTransaction::has_utf8_fields(std::string_view message, const MessageTraits& traits) const {
  if (!letter_.envelope.is_utf8) return false;
  if (traits.header.has_eight_bit) return true;
  if (!traits.body.has_eight_bit) return false;
  auto const plan = BodyPlan::make(message, EightBit::fine);
  return plan && plan->has_eight_bit_field;
}

// Who must have SMTPUTF8 and cannot is reported; then what MAIL says.
void SmtpTransaction::choose_form(bool has_fields) {
  bool is_needed = has_fields || needs_utf8(letter_.envelope.sender);
  if (!features_.has_utf8 && has_fields) fail_all("5.6.9", "its header holds UTF-8, which this host does not take (no SMTPUTF8)");
  if (!features_.has_utf8 && is_needed) fail_all("5.6.7", "its sender's address needs SMTPUTF8, which this host does not have");
  for (Target& target : targets_) {
    if (!needs_utf8(letter_.envelope.recipients[target.recipient].address)) continue;
    is_needed = true;
    if (!features_.has_utf8)
      report(target, Outcome::failed, Blame::message,
             remote_trouble("5.6.7", exchange_.host().text(), "this address needs SMTPUTF8, which this host does not have"));
  }
  bool const is_right = letter_.envelope.is_utf8 && !is_all_ascii(letter_.envelope.header_lines);  // for our own lines alone
  form_.is_utf8 = features_.has_utf8 && (is_needed || is_right);
}

// The message as this host takes it; nothing: everybody was told why there is none.
std::optional<OutgoingBody> SmtpTransaction::prepare(std::string_view message) {
  MessageTraits const traits = MessageTraits::of(message);
  if (traits.crc != letter_.frame.message_crc) {
    report_all(State::waiting, Outcome::deferred, Blame::message, std::string{damaged});
    return std::nullopt;
  }
  choose_form(has_utf8_fields(message, traits));
  if (count(State::waiting) == 0) return std::nullopt;
  auto body = OutgoingBody::make(letter_.envelope.header_lines, message, traits,
                                 features_.has_eight_bit ? EightBit::fine : EightBit::unfit);
  if (!body) {
    std::string_view const what = body.error().what();  // "5.6.3 its header ..."
    std::size_t const blank = what.find(' ');
    fail_all(what.substr(0, blank), what.substr(blank + 1));
    return std::nullopt;
  }
  form_.is_eight_bit = body->has_eight_bit();
  form_.size = body->wire_length();
  if (features_.largest > 0 && form_.size > features_.largest) {
    fail_all("5.3.4",
             "the message has " + decimal(form_.size) + " bytes, and it takes " + decimal(features_.largest) + " at most");
    return std::nullopt;
  }
  return *std::move(body);
}

bool SmtpTransaction::run(bool& needs_reset, Patience patience) {
  needs_reset_ = needs_reset;
  auto const message = MessageText::open(letter_.file, letter_.frame);
  if (!message) {
    report_all(State::waiting, Outcome::deferred, Blame::message,
               "4.3.0 cannot read the message in the queue: " + message.error().text());
    return true;
  }
  auto const body = prepare(message->bytes());
  if (!body) return true;
  end_ = Deadline::in(times_.transaction + times_.transaction_per_recipient * targets_.size() +
                      Seconds{static_cast<std::int64_t>(form_.size / times_.bytes_per_second)});
  bool const may_ask_again = patience == Patience::may_ask_again && count(State::reported) == 0;
  bool is_first = true;
  for (; count(State::waiting) > 0; is_first = false) {
    bool const was_heard = round(*body).has_value();
    if (!was_heard && may_ask_again && is_first && sender_ == Sender::unknown && exchange_.was_left()) return false;
    if (!was_heard) break;
    for (Target& target : targets_)
      if (target.state == State::postponed) target.state = State::waiting;
  }
  for (Target& target : targets_) report(target, Outcome::deferred, Blame::destination, exchange_.trouble());
  needs_reset = needs_reset_;
  return true;
}

std::vector<SmtpTransaction::Step> SmtpTransaction::steps() {
  std::vector<Step> steps;
  if (needs_reset_) steps.push_back({Verb::rset, nullptr});
  steps.push_back({Verb::mail, nullptr});
  for (Target& target : targets_)
    if (target.state == State::waiting) steps.push_back({Verb::rcpt, &target});
  if (!features_.has_chunking) steps.push_back({Verb::data, nullptr});
  return steps;
}

std::string SmtpTransaction::command(const Step& step) const {
  switch (step.verb) {
    case Verb::rset:
      return "RSET\r\n";
    case Verb::mail:
      return mail_command(letter_.envelope, form_, features_);
    case Verb::rcpt:
      return rcpt_command(letter_.envelope.recipients[step.target->recipient], form_, features_);
    case Verb::data:
      return "DATA\r\n";
  }
  return {};
}

// Every round reports somebody, or ends the connection: only somebody who was taken postpones others.
Status SmtpTransaction::round(const OutgoingBody& body) {
  sender_ = Sender::unknown;
  is_data_open_ = false;
  TRY(converse(steps()));
  if (count(State::accepted) > 0) return send(body);
  needs_reset_ = true;
  return is_data_open_ ? send_nothing() : Status{Done{}};
}

Status SmtpTransaction::converse(std::span<const Step> steps) {
  std::size_t asked = 0;
  for (std::size_t heard = 0; heard < steps.size();) {
    std::string batch;
    while (asked < steps.size() && (batch.empty() || (features_.has_pipelining && batch.size() < batch_most)))
      batch += command(steps[asked++]);
    TRY(exchange_.ask(batch, sender_ == Sender::unknown ? "MAIL" : "RCPT", until(times_.command)));
    while (heard < asked) TRY(hear(steps[heard++]));
    bool const is_data_next = asked < steps.size() && steps[asked].verb == Verb::data;
    if (sender_ == Sender::refused || (is_data_next && count(State::accepted) == 0)) return Done{};
  }
  return Done{};
}

Status SmtpTransaction::hear(const Step& step) {
  switch (step.verb) {
    case Verb::rset: {
      PeerReply const reply = TRY(exchange_.hear("RSET", until(times_.command)));
      if (!reply.is_good()) return nonsense("RSET", reply);
      needs_reset_ = false;
      return Done{};
    }
    case Verb::mail:
      return hear_sender();
    case Verb::rcpt:
      return hear_recipient(*step.target);
    case Verb::data:
      return hear_data();
  }
  return Done{};
}

Status SmtpTransaction::hear_sender() {
  PeerReply const reply = TRY(exchange_.hear("MAIL", until(times_.command)));
  if (!reply.is_good() && !reply.is_refusal()) return nonsense("MAIL", reply);
  sender_ = reply.is_good() ? Sender::taken : Sender::refused;
  if (reply.is_refusal()) refuse_all(State::waiting, reply);
  return Done{};
}

Status SmtpTransaction::hear_recipient(Target& target) {
  PeerReply const reply = TRY(exchange_.hear("RCPT", until(times_.command)));
  if (!reply.is_good() && !reply.is_refusal()) return nonsense("RCPT", reply);
  if (sender_ == Sender::refused) return reply.is_refusal() ? Status{Done{}} : nonsense("RCPT, having refused MAIL,", reply);
  if (reply.is_good())
    target.state = State::accepted;
  else if (is_too_many(reply) && count(State::accepted) > 0)
    target.state = State::postponed;
  else if (is_too_many(reply) && reply.has_status())
    report(target, Outcome::deferred, Blame::message, exchange_.said(reply));  // 552 5.5.3 is no word on this recipient
  else
    refuse(target, reply);
  return Done{};
}

Status SmtpTransaction::hear_data() {
  PeerReply const reply = TRY(exchange_.hear("DATA", until(times_.data)));
  is_data_open_ = reply.code() == 354;
  if (is_data_open_) return Done{};
  if (!reply.is_refusal()) return nonsense("DATA", reply);
  needs_reset_ = true;
  refuse_all(State::accepted, reply);
  return Done{};
}

// RFC 2920 §3.1: DATA was taken though nobody is there to take it.
Status SmtpTransaction::send_nothing() {
  TRY(exchange_.ask(".\r\n", "an empty message", until(times_.block)));
  TRY(exchange_.hear("an empty message", until(times_.final_dot)));
  return Done{};
}

Status SmtpTransaction::send(const OutgoingBody& body) {
  bool const is_counted = features_.has_chunking;
  WireWriter writer{exchange_.socket(), is_counted ? WireWriter::Framing::counted : WireWriter::Framing::dots,
                    is_counted ? "BDAT " + decimal(form_.size) + " LAST\r\n" : std::string{}, times_.block, end_};
  writer.listen_to(exchange_.replies());
  auto const crc = body.write(writer);
  if (!crc) return hear_last_words(crc.error());
  if (*crc != letter_.frame.message_crc) {
    report_all(State::accepted, Outcome::deferred, Blame::message, std::string{damaged});
    return exchange_.fail("4.3.0", "cut, since a message was damaged");
  }
  if (!port_.may_finish()) {
    report_all(State::accepted, Outcome::deferred, Blame::message, "4.3.0 the delivery was called off before the message's end");
    return exchange_.fail("4.3.0", "cut, since the delivery was called off");
  }
  auto const finished = writer.finish();
  if (!finished) return hear_last_words(finished.error());
  return hear_outcome();
}

// It did not wait for the end, or the connection broke. A refusal counts; then the connection ends, since nobody knows what it
// takes the rest for.
Status SmtpTransaction::hear_last_words(const Error& error) {
  if (error.number() == ETIMEDOUT || !exchange_.replies().has_anything()) return exchange_.fail(error, "the message");
  PeerReply const reply = TRY(exchange_.hear("the message", Deadline::in(5s)));
  if (!reply.is_refusal()) return nonsense("half a message", reply);
  refuse_all(State::accepted, reply);
  return exchange_.fail("4.5.0", "it answered before it had the message: " + reply.text());
}

Status SmtpTransaction::hear_outcome() {
  constexpr std::string_view doubt = "; the message had been sent and may arrive all the same";
  auto const reply = exchange_.hear("the message's end", until(times_.final_dot));
  bool const is_answer = reply && (reply->is_good() || reply->is_refusal());
  if (!is_answer) {
    if (reply) (void)nonsense("the message's end", *reply);
    bool const is_doubtful = !exchange_.said_421();  // 421 says that it did not take it
    report_all(State::accepted, Outcome::deferred, Blame::destination,
               exchange_.trouble() + std::string{is_doubtful ? doubt : ""});
    return temporary("the connection is over");
  }
  if (reply->is_refusal())
    refuse_all(State::accepted, *reply);
  else
    report_all(State::accepted, features_.has_dsn ? Outcome::passed : Outcome::relayed, Blame::message, exchange_.said(*reply));
  return Done{};
}

}  // namespace postern
