#include "tools/queue_report.h"

#include <algorithm>

#include "lib/core/number.h"
#include "lib/mail/date.h"
#include "tools/text_table.h"

namespace postern {
namespace {

constexpr std::size_t age_width = 7;
constexpr std::size_t bytes_width = 11;
constexpr std::size_t word_width = 9;

std::string right(std::string_view text, std::size_t width) {
  std::string aligned(text.size() < width ? width - text.size() : 0, ' ');
  return aligned += text;
}

Seconds since_epoch(WallTime time) { return std::chrono::duration_cast<Seconds>(time.time_since_epoch()); }

std::uint64_t count_of(Seconds seconds) { return seconds.count() < 0 ? 0 : static_cast<std::uint64_t>(seconds.count()); }

Seconds until(std::uint64_t time, WallTime now) { return Seconds{static_cast<std::int64_t>(time)} - since_epoch(now); }

// "deferred  <bob@here.example>  4.2.1 over quota; try 3 in 5 min"
std::string recipient_line(const RecipientRow& recipient, WallTime now) {
  std::string line = recipient.word;
  line.append(line.size() < word_width ? word_width - line.size() : 0, ' ');
  line += "  " + angled(recipient.address);
  if (!recipient.reason.empty()) line += "  " + recipient.reason;
  if (recipient.word == "deferred")
    line += "; try " + decimal(recipient.tries + 1) + " in " + span_text(until(recipient.next, now));
  if (recipient.word == "failed" && recipient.is_told) line += "; the sender was told";
  return printable(line);
}

bool is_broken(const MessageRow& message) { return message.place == "broken"; }

std::string problem_line(const MessageRow& message) {
  std::string line{is_broken(message) ? "broken, kept in queue/broken" : "damaged"};
  if (!message.problem.empty()) line += ": " + message.problem;
  return printable(line);
}

bool has_problem(const MessageRow& message) { return is_broken(message) || !message.problem.empty(); }

// "held 5 min ago by uid 1000"
std::string mark_text(const MessageRow& message, WallTime now) {
  return printable(message.mark) + " " + span_text(-until(message.mark_time, now)) + " ago by uid " + decimal(message.mark_uid);
}

void add_number_or_null(JsonText& json, bool is_there, std::uint64_t number) { is_there ? json.number(number) : json.null(); }

void add_recipient(JsonText& json, const RecipientRow& recipient) {
  json.object().key("address").string(recipient.address);
  json.key("state").string(recipient.word);
  json.key("reason");
  recipient.is_tried ? json.string(recipient.reason) : json.null();
  json.key("time");
  add_number_or_null(json, recipient.is_tried, recipient.time);
  bool const is_deferred = recipient.word == "deferred";
  json.key("tries");
  add_number_or_null(json, is_deferred, recipient.tries);
  json.key("next_try");
  add_number_or_null(json, is_deferred, recipient.next);
  json.end_object();
}

}  // namespace

std::string span_text(Seconds span) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr Unit units[] = {{86'400, " d"}, {3'600, " h"}, {60, " min"}};
  std::int64_t const seconds = std::max<std::int64_t>(0, span.count());
  for (const Unit& unit : units)
    if (seconds >= 2 * unit.seconds) return decimal(static_cast<std::uint64_t>(seconds / unit.seconds)).append(unit.name);
  return decimal(static_cast<std::uint64_t>(seconds)) + " s";
}

std::string angled(std::string_view address) { return std::string{"<"}.append(address) + ">"; }

std::string list_head() { return "ID                  " + right("AGE", age_width) + right("BYTES", bytes_width) + "  SENDER\n"; }

std::string as_text(const MessageRow& message, WallTime now) {
  std::string text =
      message.id.text() + " " + right(span_text(message.age(now)), age_width) + right(decimal(message.bytes), bytes_width);
  text += "  ";
  text += message.has_envelope ? printable(angled(message.sender)) : "?";
  if (!message.mark.empty()) text += "  " + mark_text(message, now);
  text += '\n';
  if (has_problem(message)) text += "    " + problem_line(message) + "\n";
  for (const RecipientRow& recipient : message.recipients) text += "    " + recipient_line(recipient, now) + "\n";
  return text;
}

void add_as_json(JsonText& json, const MessageRow& message, WallTime now, Object object) {
  json.object().key("id").string(message.id.view());
  json.key("time").number(count_of(since_epoch(message.id.created()))).key("age").number(count_of(message.age(now)));
  json.key("bytes").number(message.bytes);
  json.key("place").string(message.place).key("problem");
  message.problem.empty() ? json.null() : json.string(message.problem);
  json.key("mark");
  message.mark.empty() ? json.null() : json.string(message.mark);
  json.key("mark_time");
  add_number_or_null(json, !message.mark.empty(), message.mark_time);
  json.key("mark_uid");
  add_number_or_null(json, !message.mark.empty(), message.mark_uid);
  json.key("sender");
  message.has_envelope ? json.string(message.sender) : json.null();
  json.key("recipients").array();
  for (const RecipientRow& recipient : message.recipients) add_recipient(json, recipient);
  json.end_array();
  if (object == Object::whole) json.end_object();
}

std::string envelope_text(const MessageRow& message, const std::vector<EnvelopeField>& fields, WallTime now) {
  std::string text;
  auto const add = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) ((text += name) += ": ") += printable(value) + "\n";
  };
  add("ID", message.id.view());
  add("Time", MailDate{message.id.created()}.text());
  add("Bytes", decimal(message.bytes));
  if (has_problem(message)) add("Problem", problem_line(message));
  if (!message.mark.empty()) add("Mark", mark_text(message, now));
  if (message.has_envelope) add("Sender", angled(message.sender));
  for (const EnvelopeField& field : fields) add(field.name, field.value);
  for (const RecipientRow& recipient : message.recipients) add("Recipient", recipient_line(recipient, now));
  return text;
}

}  // namespace postern
