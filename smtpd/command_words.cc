#include "smtpd/command_words.h"

#include "lib/mail/domain.h"

namespace postern {
namespace {

// Where `c` stands in `text` outside of quoted strings and address literals, or npos.
std::size_t find_unquoted(std::string_view text, char c) {
  bool is_quoted = false;
  bool is_literal = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_quoted) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        is_quoted = false;
    } else if (text[i] == c && !is_literal) {
      return i;
    } else if (text[i] == '"') {
      is_quoted = true;
    } else if (text[i] == '[' || text[i] == ']') {
      is_literal = text[i] == '[';
    }
  }
  return std::string_view::npos;
}

// "@one.example,@two.example:user@here.example" to "user@here.example"
Result<std::string_view> without_route(std::string_view path) {
  if (path.empty() || path.front() != '@') return path;
  std::size_t const colon = find_unquoted(path, ':');
  if (colon == std::string_view::npos) return permanent("path: a route without an address");
  std::string_view route = path.substr(0, colon);
  while (!route.empty()) {
    std::size_t const comma = find_unquoted(route, ',');
    std::string_view const hop = route.substr(0, comma);
    if (hop.empty() || hop.front() != '@') return permanent("path: not a route");
    TRY(Domain::parse(Wire{hop.substr(1)}));
    if (comma == std::string_view::npos) break;
    route.remove_prefix(comma + 1);
    if (route.empty()) return permanent("path: not a route");
  }
  std::string_view const mailbox = path.substr(colon + 1);
  if (mailbox.empty()) return permanent("path: a route without an address");
  return mailbox;
}

bool is_keyword(std::string_view text) {
  if (text.empty() || !is_alnum(text.front())) return false;
  for (char const c : text)
    if (!is_alnum(c) && c != '-') return false;
  return true;
}

bool is_value(std::string_view text) {
  for (char const c : text)
    if ((!is_graphic(c) && !is_eight_bit(c)) || c == '=') return false;
  return !text.empty();
}

}  // namespace

Result<CommandLine> CommandLine::parse(Wire line) {
  std::string_view text = line.bytes();
  if (!text.ends_with("\r\n")) return permanent("500 5.5.2 A command ends in CR LF");
  text.remove_suffix(2);
  for (char const c : text)
    if (is_control(c)) return permanent("500 5.5.2 A command has no control characters");
  if (!is_valid_utf8(text)) return permanent("500 5.5.2 A command is ASCII, or UTF-8 in addresses");
  std::size_t const space = text.find(' ');
  if (space == std::string_view::npos) return CommandLine{text, {}};
  return CommandLine{text.substr(0, space), trimmed(text.substr(space))};
}

Result<std::string_view> take_path(std::string_view& rest) {
  std::size_t const end = find_unquoted(rest, '>');
  if (rest.empty() || rest.front() != '<' || end == std::string_view::npos) return permanent("path: no angle brackets");
  std::string_view const path = TRY(without_route(rest.substr(1, end - 1)));
  rest.remove_prefix(end + 1);
  if (!rest.empty() && rest.front() != ' ') return permanent("path: no space behind it");
  return path;
}

Result<Parameter> take_parameter(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  std::string_view const word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  std::size_t const equals = word.find('=');
  bool const has_value = equals != std::string_view::npos;
  Parameter const parameter{word.substr(0, equals), has_value ? word.substr(equals + 1) : std::string_view{}, has_value};
  if (!is_keyword(parameter.keyword) || (has_value && !is_value(parameter.value))) return permanent("501 5.5.4 Bad parameter");
  return parameter;
}

}  // namespace postern
