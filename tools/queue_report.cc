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

Seconds age_of(const QueuedMessage& message, WallTime now) {
  return std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(now - message.entry.id.created()));
}

Seconds since_epoch(WallTime time) { return std::chrono::duration_cast<Seconds>(time.time_since_epoch()); }

std::uint64_t count_of(Seconds seconds) { return seconds.count() < 0 ? 0 : static_cast<std::uint64_t>(seconds.count()); }

std::string angled(const Address& address) { return "<" + address.text() + ">"; }

// "deferred  <bob@here.example>  4.2.1 over quota; try 3 in 5 min"
std::string recipient_line(const QueuedMessage& message, std::size_t index, WallTime now) {
  std::string line{message.word_of(index)};
  line.append(line.size() < word_width ? word_width - line.size() : 0, ' ');
  line += "  " + angled(message.envelope->recipients[index].address);
  const RecipientState* const state = message.state_of(index);
  if (!state) return printable(line);
  if (!state->text.empty()) line += "  " + state->text;
  if (state->word == StateWord::deferred)
    line += "; try " + decimal(std::uint64_t{state->tries} + 1) + " in " + span_text(Seconds{state->next} - since_epoch(now));
  if (state->word == StateWord::failed && state->is_bounced) line += "; the sender was told";
  return printable(line);
}

std::string problem_line(const QueuedMessage& message) {
  std::string line{message.entry.place == QueuePlace::broken ? "broken, kept in queue/broken" : "damaged"};
  if (!message.problem.empty()) line += ": " + message.problem;
  return printable(line);
}

bool has_problem(const QueuedMessage& message) { return message.entry.place == QueuePlace::broken || !message.problem.empty(); }

void add_recipient(JsonText& json, const QueuedMessage& message, std::size_t index) {
  const RecipientState* const state = message.state_of(index);
  json.object().key("address").string(message.envelope->recipients[index].address.text());
  json.key("state").string(message.word_of(index));
  json.key("reason");
  state ? json.string(state->text) : json.null();
  json.key("time");
  state ? json.number(count_of(Seconds{state->time})) : json.null();
  bool const is_deferred = state && state->word == StateWord::deferred;
  json.key("tries");
  is_deferred ? json.number(state->tries) : json.null();
  json.key("next_try");
  is_deferred ? json.number(count_of(Seconds{state->next})) : json.null();
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

std::string list_head() { return "ID                  " + right("AGE", age_width) + right("BYTES", bytes_width) + "  SENDER\n"; }

std::string as_text(const QueuedMessage& message, WallTime now) {
  std::string text = message.entry.id.text() + " " + right(span_text(age_of(message, now)), age_width) +
                     right(decimal(message.bytes), bytes_width);
  text += "  ";
  text += message.envelope ? printable(angled(message.envelope->sender)) : "?";
  text += '\n';
  if (has_problem(message)) text += "    " + problem_line(message) + "\n";
  if (!message.envelope) return text;
  for (std::size_t i = 0; i < message.envelope->recipients.size(); ++i) text += "    " + recipient_line(message, i, now) + "\n";
  return text;
}

void add_as_json(JsonText& json, const QueuedMessage& message, WallTime now) {
  json.object().key("id").string(message.entry.id.view());
  json.key("time").number(count_of(since_epoch(message.entry.id.created()))).key("age").number(count_of(age_of(message, now)));
  json.key("bytes").number(message.bytes);
  json.key("place").string(message.entry.place == QueuePlace::broken ? "broken" : "todo").key("problem");
  message.problem.empty() ? json.null() : json.string(message.problem);
  json.key("sender");
  message.envelope ? json.string(message.envelope->sender.text()) : json.null();
  json.key("recipients").array();
  if (message.envelope)
    for (std::size_t i = 0; i < message.envelope->recipients.size(); ++i) add_recipient(json, message, i);
  json.end_array().end_object();
}

std::string envelope_text(const QueuedMessage& message, WallTime now) {
  std::string text;
  auto const add = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) ((text += name) += ": ") += printable(value) + "\n";
  };
  add("ID", message.entry.id.view());
  add("Time", MailDate{message.entry.id.created()}.text());
  add("Bytes", decimal(message.bytes));
  if (has_problem(message)) add("Problem", problem_line(message));
  if (message.envelope) {
    const Envelope& envelope = *message.envelope;
    std::string_view const origins[] = {"inbound", "submission", "local", "bounce"};
    add("Origin", origins[std::string_view{"islb"}.find(static_cast<char>(envelope.origin))]);
    add("Sender", angled(envelope.sender));
    add("Login", envelope.login);
    add("Client", envelope.client);
    add("Helo", envelope.helo);
    add("Protocol", envelope.protocol);
    add("Injector", envelope.origin == Origin::local ? decimal(envelope.injector) : "");
    add("Envid", envelope.envid);
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) add("Recipient", recipient_line(message, i, now));
  }
  return text += '\n';
}

}  // namespace postern
