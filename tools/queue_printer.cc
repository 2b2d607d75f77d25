#include "tools/queue_printer.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/date.h"
#include "lib/os/io.h"
#include "tools/text_table.h"

namespace postern {
namespace {

constexpr std::size_t piece = 65'536;
constexpr std::size_t word_width = 11;

// Strangers' bytes must not steer the operator's terminal.
std::string harmless(std::string text) {
  for (char& c : text)
    if ((is_control(c) && c != '\n' && c != '\t') || is_eight_bit(c)) c = '?';
  return text;
}

std::string padded(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 0, ' ');
  return text;
}

WallTime time_of(std::uint64_t seconds) { return WallTime{Seconds{static_cast<std::int64_t>(seconds)}}; }

}  // namespace

JsonText& QueuePrinter::json() {
  if (!std::exchange(has_begun_, true) && asked_.verb != DeskVerb::show) json_.array();
  return json_;
}

Status QueuePrinter::write_some() {
  if (text_.size() < piece && json_.text().size() < piece) return Done{};
  text_ += json_.text();
  json_.clear();
  TRY(write_all(1, text_));
  text_.clear();
  return Done{};
}

Status QueuePrinter::take(const DeskAnswer& answer) {
  using Kind = DeskAnswer::Kind;
  switch (answer.kind) {
    case Kind::message:
      TRY(end_message());
      message_ = TRY(message_row(answer));
      return Done{};
    case Kind::recipient:
      if (!message_) return permanent("queue-desk: a recipient without a message");
      message_->recipients.push_back(recipient_row(answer));
      return Done{};
    case Kind::field:
      fields_.push_back({answer.texts[0], answer.texts[1]});
      return Done{};
    case Kind::header:
    case Kind::body:
      return take_bytes(answer);
    case Kind::outcome:
      take_outcome(answer);
      break;
    case Kind::pause:
      take_pause(answer);
      break;
    case Kind::finding:
      TRY(end_message());
      take_finding(answer);
      break;
    default:
      return permanent("queue-desk: not an answer to that");
  }
  return write_some();
}

// All of a message but its bytes has come: it can be told.
Status QueuePrinter::end_message() {
  if (!message_) return Done{};
  bool const is_shown = asked_.verb == DeskVerb::show;
  if (is_json()) {
    add_as_json(json(), *message_, now_, is_shown ? Object::open : Object::whole);
  } else if (!is_shown) {
    if (!std::exchange(has_begun_, true)) text_ += list_head();
    text_ += as_text(*message_, now_);
  } else if (asked_.word.find('e') != std::string::npos) {
    text_ += envelope_text(*message_, fields_, now_);
    if (asked_.word.find_first_of("hb") != std::string::npos) text_ += '\n';
  }
  if (is_json() && is_shown) {
    json_.key("envelope").object();
    for (const EnvelopeField& field : fields_) json_.key(field.name).string(field.value);
    json_.end_object();
  }
  if (!is_shown) message_.reset();
  return write_some();
}

Status QueuePrinter::take_bytes(const DeskAnswer& answer) {
  if (!std::exchange(shows_bytes_, true)) TRY(end_message());
  if (is_json()) {
    begin_part(static_cast<char>(answer.kind));
    json_.add_bytes(answer.texts[0]);
  } else {
    text_ += is_terminal_ ? harmless(answer.texts[0]) : answer.texts[0];
  }
  return write_some();
}

void QueuePrinter::begin_part(char kind) {
  if (part_ == kind) return;
  if (part_ != 0) json_.end_bytes();
  part_ = kind;
  if (kind != 0) json_.key(kind == static_cast<char>(DeskAnswer::Kind::header) ? "header" : "body").begin_bytes();
}

void QueuePrinter::take_outcome(const DeskAnswer& answer) {
  const std::string &what = answer.texts[0], &word = answer.texts[1], &sender = answer.texts[2], &reason = answer.texts[3];
  std::uint64_t const bytes = answer.numbers[0], recipients = answer.numbers[1];
  ++changed_;
  bool const is_message = bytes > 0;
  if (is_json()) {
    json()
        .object()
        .key(QueueId::parse(Wire{what}) ? "id" : "what")
        .string(what)
        .key("outcome")
        .string(word)
        .key("text")
        .string(reason);
    if (is_message) json_.key("sender").string(sender).key("bytes").number(bytes).key("recipients").number(recipients);
    json_.end_object();
    return;
  }
  text_ += padded(printable(word), word_width) + " " + printable(what);
  if (is_message) {
    text_ += "  " + printable(angled(sender)) + "  " + decimal(recipients) + (recipients == 1 ? " recipient, " : " recipients, ");
    text_ += decimal(bytes) + " bytes";
  }
  if (!reason.empty()) text_ += "  " + printable(reason);
  text_ += '\n';
}

void QueuePrinter::take_pause(const DeskAnswer& answer) {
  if (is_json()) {
    json()
        .object()
        .key("what")
        .string(answer.texts[0])
        .key("time")
        .number(answer.numbers[0])
        .key("uid")
        .number(answer.numbers[1]);
    json_.end_object();
    return;
  }
  text_ += "paused  " + printable(answer.texts[0]) + "  since " + MailDate{time_of(answer.numbers[0])}.text() + ", by uid " +
           decimal(answer.numbers[1]) + "\n";
}

void QueuePrinter::take_finding(const DeskAnswer& answer) {
  if (is_json()) {
    json().object().key("id");
    answer.texts[0].empty() ? json_.null() : json_.string(answer.texts[0]);
    json_.key("text").string(answer.texts[1]).end_object();
    return;
  }
  text_ += (answer.texts[0].empty() ? std::string{} : printable(answer.texts[0]) + "  ") + printable(answer.texts[1]) + "\n";
}

Status QueuePrinter::finish() {
  if (!shows_bytes_) TRY(end_message());
  if (is_json()) {
    begin_part(0);
    if (asked_.verb != DeskVerb::show)
      json().end_array();
    else if (message_)
      json_.end_object();
    if (!json_.text().empty()) text_ += json_.text() + "\n";
    json_.clear();
  }
  std::string const last = std::move(text_);
  text_.clear();
  return write_all(1, last);
}

}  // namespace postern
