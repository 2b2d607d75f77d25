#include "pop3d/pop3_command.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {

namespace {
constexpr std::size_t longest_verb = 12;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<Pop3Command> Pop3Command::parse(Wire wire) {
  std::string_view const line = without_line_end(wire.bytes());
  for (char const c : line)
    if (c == '\0' || c == '\r' || c == '\n') return permanent("a NUL or CR in the line");
  Pop3Command command;
  std::size_t const blank = line.find(' ');
  command.verb = line.substr(0, blank);
  if (command.verb.empty() || command.verb.size() > longest_verb) return permanent("no command");
  for (char const c : command.verb)
    if (!is_alnum(c)) return permanent("no command");
  command.has_argument = blank != std::string_view::npos;
  if (command.has_argument) command.argument = line.substr(blank + 1);
  return command;
}

bool Pop3Command::is(std::string_view name) const { return equal_ignoring_case(verb, name); }

std::optional<std::uint32_t> message_number(std::string_view argument) {
  while (argument.ends_with(' ')) argument.remove_suffix(1);  // written by some clients
  auto const number = parse_number(Wire{argument}, 0x7fff'ffff);
  if (!number || *number == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<std::pair<std::uint32_t, std::uint64_t>> message_and_lines(std::string_view argument) {
  while (argument.ends_with(' ')) argument.remove_suffix(1);
  std::size_t const blank = argument.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  auto const number = message_number(argument.substr(0, blank));
  auto const lines = parse_number(Wire{argument.substr(blank + 1)}, 0x7fff'ffff'ffff);
  if (!number || !lines) return std::nullopt;
  return std::pair{*number, *lines};
}

}  // namespace postern
