#include "send/delivery_pauses.h"

#include "lib/core/number.h"
#include "lib/mail/domain.h"

namespace postern {
namespace {

constexpr std::uint64_t latest_time = 1ull << 40;

std::string line_of(std::string_view word, const PauseScope& scope, Pause pause) {
  std::string line{word};
  (line += ' ') += scope.text() + ' ';
  append_decimal(line, pause.time < 0 ? 0 : static_cast<std::uint64_t>(pause.time));
  line += ' ';
  append_decimal(line, pause.uid);
  return line += '\n';
}

std::string_view take_word(std::string_view& rest) {
  std::string_view const word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  return word;
}

}  // namespace

Result<PauseScope> PauseScope::parse(Wire wire) {
  std::string_view text = wire.bytes();
  if (text == "all" || text == "local" || text == "remote") return PauseScope{std::string{text}};
  if (text.starts_with('@')) text.remove_prefix(1);
  auto const domain = Domain::parse(Wire{text});
  if (!domain) return permanent("neither all, local, remote nor a domain:", text);
  return PauseScope{"@" + domain->text()};
}

std::string paused_line(const PauseScope& scope, Pause pause) { return line_of("paused", scope, pause); }
std::string resumed_line(const PauseScope& scope, Pause pause) { return line_of("resumed", scope, pause); }

bool Pauses::add(const PauseScope& scope, Pause pause) {
  if (!pauses_.try_emplace(scope.text(), pause).second) return false;
  domains_ += scope.text().starts_with('@');
  return true;
}

bool Pauses::end(const PauseScope& scope) {
  if (pauses_.erase(scope.text()) == 0) return false;
  domains_ -= scope.text().starts_with('@');
  return true;
}

Status Pauses::take_line(std::string_view line) {
  std::string_view const word = take_word(line);
  if (word != "paused" && word != "resumed") return permanent("pauses: an unknown word");
  PauseScope const scope = TRY(PauseScope::parse(Wire{take_word(line)}));
  auto const time = static_cast<std::int64_t>(TRY(parse_number(Wire{take_word(line)}, latest_time)));
  auto const uid = static_cast<std::uint32_t>(TRY(parse_number(Wire{line}, 0xffffffffu)));
  word == "paused" ? add(scope, {time, uid}) : end(scope);
  return Done{};
}

Result<Pauses> Pauses::parse(Wire file) {
  Pauses pauses;
  std::string_view rest = file.bytes();
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    TRY(pauses.take_line(rest.substr(0, end)));
    pauses.whole_length_ += end + 1;
  }
  return pauses;
}

}  // namespace postern
