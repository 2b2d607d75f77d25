#include "lib/os/control.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 4u << 20;

std::string in_control(std::string_view name) { return "control/" + std::string{name}; }

}  // namespace

Result<Control> Control::open() { return open("control"); }
Result<Control> Control::open(const std::string& path) { return Control{TRY(Directory::open(path))}; }

Result<std::optional<std::string>> Control::read_file(std::string_view name) const {
  auto const file = directory_.open_file(std::string{name});
  if (!file) {
    if (is_missing(file.error())) return std::optional<std::string>{};
    return Error{Fate::temporary, "open", in_control(name), file.error().number()};
  }
  auto text = read_all(file->number(), largest_file);
  if (!text) return Error{text.error().fate(), "read", in_control(name), text.error().number()};
  return std::optional<std::string>{*std::move(text)};
}

Result<std::uint64_t> Control::read_number(const Setting& setting) const {
  auto const line = TRY(read_line(setting.name, Empty::is_wrong));
  if (!line) return setting.value;
  auto const number = parse_number(Wire{*line}, setting.most);
  if (!number || *number < setting.least)
    return permanent("not a number within its bounds (doc/settings.md):", in_control(setting.name));
  return *number;
}

Result<std::optional<std::string>> Control::read_line(std::string_view name, Empty empty) const {
  auto const text = TRY(read_file(name));
  if (!text) return std::optional<std::string>{};
  std::string_view const line = trimmed(std::string_view{*text}.substr(0, text->find('\n')));
  if (line.empty() && empty == Empty::is_wrong) return permanent("empty; put a value there or remove it:", in_control(name));
  for (char const c : line)
    if (is_control(c)) return permanent("control character in", in_control(name));
  return std::optional<std::string>{line};
}

Result<std::optional<std::vector<std::string>>> Control::read_list(std::string_view name) const {
  auto const text = TRY(read_file(name));
  if (!text) return std::optional<std::vector<std::string>>{};
  std::vector<std::string> values;
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::size_t const end = rest.find('\n');
    std::string_view const value = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!value.empty() && value.front() != '#') values.emplace_back(value);
  }
  return std::optional{std::move(values)};
}

Result<std::string> Control::me() const {
  auto const me = TRY(line<"me">());
  if (!me) return permanent("control/me: missing; put this host's name there");
  return *me;
}

}  // namespace postern
