#include "tools/queue_words.h"

#include <algorithm>

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint64_t longest_span = 3'650;  // days

enum Takes : unsigned { nothing = 0, ids = 1, choice = 2, one_id = 4, parts = 8, what = 16 };

struct Command {
  std::string_view name;
  DeskVerb verb;
  unsigned takes;
};
constexpr Command commands[] = {
    {"list", DeskVerb::list, ids | choice},       {"count", DeskVerb::count, nothing},
    {"show", DeskVerb::show, one_id | parts},     {"hold", DeskVerb::hold, ids | choice},
    {"release", DeskVerb::release, ids | choice}, {"delete", DeskVerb::remove, ids | choice},
    {"flush", DeskVerb::flush, ids | choice},     {"why", DeskVerb::why, ids | choice},
    {"verify", DeskVerb::verify, nothing},        {"pause", DeskVerb::pause, what},
    {"resume", DeskVerb::resume, what},           {"pauses", DeskVerb::pauses, nothing},
};

// Without any word they are about everything; what changes messages is not.
bool is_about_all(DeskVerb verb) { return verb == DeskVerb::list || verb == DeskVerb::why || verb == DeskVerb::flush; }

Status take_text(std::optional<std::string>& part, std::string_view option, ToolWords& words) {
  if (part) return permanent("given twice:", option);
  if (words.is_empty()) return permanent("no value behind", option);
  part = std::string{words.next()};
  return Done{};
}

Status take_span(std::optional<Seconds>& part, std::string_view option, ToolWords& words) {
  if (part) return permanent("given twice:", option);
  part = TRY(parse_span(TRY(words.value_of(option))));
  return Done{};
}

// False: none of those that choose messages.
Result<bool> take_choice(Selection& selection, std::string_view option, ToolWords& words) {
  if (option == "--all")
    selection.is_all = true;
  else if (option == "--sender")
    TRY(take_text(selection.sender, option, words));
  else if (option == "--recipient")
    TRY(take_text(selection.recipient, option, words));
  else if (option == "--domain")
    TRY(take_text(selection.domain, option, words));
  else if (option == "--older")
    TRY(take_span(selection.older, option, words));
  else if (option == "--younger")
    TRY(take_span(selection.younger, option, words));
  else
    return false;
  return true;
}

// False: none of those that name parts of a message.
bool take_part(std::string& wanted, std::string_view option) {
  if (option != "--envelope" && option != "--header" && option != "--body") return false;
  wanted += option[2];
  return true;
}

Status take_word(QueueWords& asked, unsigned takes, std::string_view word, ToolWords& words) {
  if (word == "--json") {
    asked.form = Form::json;
    return Done{};
  }
  if ((takes & parts) && take_part(asked.word, word)) return Done{};
  if ((takes & choice) && TRY(take_choice(asked.selection, word, words))) return Done{};
  if ((takes & ids) && word == "-") {
    asked.reads_ids = true;
    return Done{};
  }
  bool const takes_id = (takes & ids) || ((takes & one_id) && asked.selection.ids.empty());
  if (takes_id && !word.starts_with("--")) {
    auto const id = QueueId::parse(Wire{word});
    if (!id) return permanent("not a queue ID, which queue list shows:", word);
    asked.selection.ids.push_back(*id);
    return Done{};
  }
  if ((takes & what) && asked.word.empty() && !word.empty() && !word.starts_with("--")) {
    asked.word = std::string{word};
    return Done{};
  }
  return permanent("one word too many, or not one for that:", word);
}

Status check(const QueueWords& asked, unsigned takes) {
  bool const has_ids = !asked.selection.ids.empty() || asked.reads_ids;
  Selection others = asked.selection;
  others.ids.clear();
  if ((takes & one_id) && !has_ids) return permanent("usage: queue show ID, as queue list names it");
  if ((takes & what) && asked.word.empty()) return permanent("of what? all, local, remote or a domain");
  if (has_ids && asked.selection.is_all) return permanent("--all, and IDs as well");
  if (asked.selection.is_all && (others.sender || others.recipient || others.domain || others.older || others.younger))
    return permanent("--all, and a choice as well");
  if ((takes & choice) && !has_ids && others.is_empty())
    return permanent("which messages? IDs, --sender, --recipient, --domain, --older, --younger or --all; see queue(8)");
  return Done{};
}

}  // namespace

Result<Seconds> parse_span(std::string_view text) {
  struct Unit {
    char letter;
    std::uint64_t seconds;
  };
  constexpr Unit units[] = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}, {'w', 604'800}};
  std::string_view digits = text;
  std::uint64_t seconds = 1;
  for (const Unit& unit : units)
    if (text.ends_with(unit.letter)) {
      digits.remove_suffix(1);
      seconds = unit.seconds;
      break;
    }
  auto const number = parse_number(Wire{digits}, longest_span * 86'400 / seconds);
  if (!number) return permanent("not a span of time like 90s, 15m, 2h, 5d or 1w:", text);
  return Seconds{static_cast<std::int64_t>(*number * seconds)};
}

Result<QueueWords> parse_queue_words(ToolWords& words) {
  std::string_view const name = words.next();
  auto const command =
      std::find_if(std::begin(commands), std::end(commands), [&](const Command& one) { return one.name == name; });
  if (command == std::end(commands))
    return permanent("usage: queue list|count|show|why|hold|release|delete|flush|pause|resume|pauses|verify|log; see queue(8)");
  QueueWords asked;
  asked.verb = command->verb;
  while (!words.is_empty()) TRY(take_word(asked, command->takes, words.next(), words));
  if (is_about_all(asked.verb) && asked.selection.is_empty() && !asked.reads_ids) asked.selection.is_all = true;
  TRY(check(asked, command->takes));
  if (asked.verb == DeskVerb::show && asked.word.empty()) asked.word = "ehb";
  return asked;
}

}  // namespace postern
