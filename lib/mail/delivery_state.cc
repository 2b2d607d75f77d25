#include "lib/mail/delivery_state.h"

#include <array>

#include "lib/core/number.h"
#include "lib/core/quoted.h"

namespace postern {
namespace {

constexpr std::array<std::string_view, 10> words = {"delivered", "relayed", "passed", "deferred", "failed",
                                                    "delayed",   "bounced", "held",   "released", "deleted"};
constexpr std::uint64_t latest_time = 1ull << 40;

Result<std::string_view> take_word(std::string_view& rest) {
  std::size_t const end = rest.find(' ');
  if (end == std::string_view::npos) return permanent("state: a line has too few words");
  std::string_view const word = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return word;
}

Result<std::int64_t> take_number(std::string_view& rest, std::uint64_t most) {
  return static_cast<std::int64_t>(TRY(parse_number(Wire{TRY(take_word(rest))}, most)));
}

Result<StateWord> word_of(std::string_view text) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == text) return static_cast<StateWord>(i);
  return permanent("state: an unknown word");
}

bool is_of_message(StateWord word) { return word >= StateWord::held; }

}  // namespace

std::string StateLine::encoded() const {
  std::string line{words[static_cast<std::size_t>(word)]};
  auto const number = [&line](std::int64_t value) {
    line += ' ';
    append_decimal(line, value < 0 ? 0 : static_cast<std::uint64_t>(value));
  };
  number(recipient);
  number(time);
  if (word == StateWord::deferred) {
    number(tries);
    number(next);
  }
  line += ' ';
  append_quoted(line, std::string_view{text}.substr(0, state_text_most));
  return line += '\n';
}

Result<StateLine> StateLine::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  StateWord const word = TRY(word_of(TRY(take_word(rest))));
  StateLine line{word, static_cast<std::uint32_t>(TRY(take_number(rest, 0xffffffffu))), TRY(take_number(rest, latest_time)), 0, 0,
                 {}};
  if (word == StateWord::deferred) {
    line.tries = static_cast<std::uint32_t>(TRY(take_number(rest, 0xffffffffu)));
    line.next = TRY(take_number(rest, latest_time));
  }
  line.text = TRY(unquoted(Wire{rest}, state_text_most));
  return line;
}

Result<DeliveryState> DeliveryState::parse(Wire file) {
  DeliveryState state;
  std::string_view rest = file.bytes();
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    StateLine line = TRY(StateLine::parse(Wire{rest.substr(0, end)}));
    state.whole_length += end + 1;
    if (is_of_message(line.word)) {
      bool const is_deleted = state.mark && state.mark->word == StateWord::deleted;
      if (is_deleted) continue;  // for good
      state.mark = MessageMark{line.word, line.recipient, line.time};
      if (line.word == StateWord::released) state.mark.reset();
      continue;
    }
    auto const found = state.recipients.find(line.recipient);
    bool const is_known = found != state.recipients.end();
    if (line.word == StateWord::bounced || line.word == StateWord::delayed) {
      if (!is_known) return permanent("state: a report of a recipient who has no outcome");
      (line.word == StateWord::bounced ? found->second.is_bounced : found->second.is_delay_told) = true;
      continue;
    }
    bool const is_delay_told = is_known && found->second.is_delay_told;
    state.recipients.insert_or_assign(
        line.recipient, RecipientState{line.word, false, is_delay_told, line.time, line.tries, line.next, std::move(line.text)});
  }
  return state;
}

}  // namespace postern
