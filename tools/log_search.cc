#include "tools/log_search.h"

#include <algorithm>

#include "lib/core/json_text.h"
#include "lib/core/number.h"
#include "lib/os/io.h"
#include "tools/text_table.h"

namespace postern {
namespace {

constexpr std::size_t piece = 65'536;
constexpr std::size_t service_width = 13;

bool is_head(std::string_view key) { return key == "prog" || key == "pid" || key == "event"; }

std::string head_of(const LogRecord& record, std::string_view key) {
  const std::string* const value = record.value_of(key);
  return value ? *value : std::string{};
}

void add_as_json(JsonText& json, const ServiceLog& log, const LogRecord& record, const TimeZone& zone) {
  LogStamp const& stamp = record.stamp;
  json.object().key("time").string(zone.text_for_programs(stamp.seconds(), stamp.nanoseconds()));
  json.key("unix").number(static_cast<std::uint64_t>(std::max<std::int64_t>(0, stamp.seconds())));
  json.key("service").string(log.service());
  for (std::string_view const key : {"prog", "pid", "event"}) json.key(key).string(head_of(record, key));
  json.key("fields").object();
  for (const LogField& field : record.fields)
    if (!is_head(field.key)) json.key(field.key).string(field.value);
  json.end_object().end_object();
}

}  // namespace

Result<LogWords> parse_log_words(ToolWords& words) {
  LogWords asked;
  words.next();  // "log"
  while (!words.is_empty()) {
    std::string_view const word = words.next();
    if (word == "--json") {
      asked.form = Form::json;
      continue;
    }
    if (asked.id || asked.address) return permanent("one word too many:", word);
    if (auto const id = QueueId::parse(Wire{word}))
      asked.id = *id;
    else if (word.find('@') == std::string_view::npos)
      return permanent("neither a queue ID nor an address:", word);
    else
      asked.address = TRY(AddressPattern::parse(Wire{word}));
  }
  if (!asked.id && !asked.address) return permanent("usage: queue log ID or queue log ADDRESS; see queue(8)");
  return asked;
}

// It names what is searched for, or something that belongs to it, as a value of its own.
bool LogSearch::is_of_it(const LogRecord& record) const {
  return std::any_of(record.fields.begin(), record.fields.end(), [this](const LogField& field) {
    if (field.value.size() == QueueId::length && ids_.contains(field.value)) return true;
    if (!asked_.address || field.value.find('@') == std::string::npos) return false;
    auto const address = Address::parse(Wire{field.value});
    return address && asked_.address->fits(*address);
  });
}

// The ID in the middle of a text: worth seeing, but a host elsewhere may have said it.
bool LogSearch::mentions_it(const LogRecord& record) const {
  return asked_.id && std::any_of(record.fields.begin(), record.fields.end(), [this](const LogField& field) {
           return field.value.find(asked_.id->view()) != std::string::npos;
         });
}

Status LogSearch::collect(const Directory& logs) {
  if (asked_.id) ids_.insert(asked_.id->text());
  AllLogs all = TRY(AllLogs::open(logs));
  while (const ServiceLog* const log = TRY(all.next())) {
    auto const record = LogRecord::parse(Wire{log->line()});
    if (!record || !is_of_it(*record)) continue;
    for (const LogField& field : record->fields)
      if (QueueId::parse(Wire{field.value})) ids_.insert(field.value);
  }
  return Done{};
}

// "2026-11-22 10:13:15.123 +0100 smtpd         accepted  id=1j0r... sender=me@here.example"
std::string LogSearch::as_text(const ServiceLog& log, const LogRecord& record) const {
  std::string text = zone_.text(record.stamp.seconds(), record.stamp.nanoseconds()) + ' ';
  std::string const program = head_of(record, "prog");
  std::string const name = printable(program.empty() ? log.service() : program);
  text += name;
  text.append(name.size() < service_width ? service_width - name.size() : 0, ' ');
  text += ' ' + printable(head_of(record, "event")) + ' ';
  for (const LogField& field : record.fields) {
    if (is_head(field.key)) continue;
    text += ' ';
    if (!field.key.empty()) text += printable(field.key) + '=';
    bool const needs_quotes = field.value.find_first_of(" =\"") != std::string::npos;
    std::string const value = printable(field.value);
    text += needs_quotes ? '"' + value + '"' : value;
  }
  return text += '\n';
}

Result<std::uint64_t> LogSearch::run(const Directory& logs) {
  TRY(collect(logs));
  std::uint64_t count = 0;
  std::string text;
  JsonText json;
  json.array();
  AllLogs all = TRY(AllLogs::open(logs));
  while (const ServiceLog* const log = TRY(all.next())) {
    auto const record = LogRecord::parse(Wire{log->line()});
    if (!record || !(is_of_it(*record) || mentions_it(*record))) continue;
    ++count;
    if (asked_.form == Form::json) {
      add_as_json(json, *log, *record, zone_);
      text += json.text();
      json.clear();
    } else {
      text += as_text(*log, *record);
    }
    if (text.size() < piece) continue;
    TRY(write_all(1, text));
    text.clear();
  }
  if (asked_.form == Form::json) text += json.end_array().text() + "\n";
  TRY(write_all(1, text));
  return count;
}

}  // namespace postern
