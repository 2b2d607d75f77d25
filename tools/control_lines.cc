#include "tools/control_lines.h"

#include "lib/core/ascii.h"
#include "lib/os/io.h"
#include "tools/new_file.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 4u << 20;  // control.cc reads no larger one

}  // namespace

std::string_view ControlLines::value_of(std::string_view line) { return trimmed(line); }

bool ControlLines::is_value(std::string_view line) {
  std::string_view const value = value_of(line);
  return !value.empty() && value.front() != '#';
}

Result<ControlLines> ControlLines::read(const Directory& control, std::string name) {
  ControlLines lines{std::move(name)};
  auto const file = control.open_file(lines.name_);
  if (!file) {
    if (is_missing(file.error())) return lines;
    return file.error();
  }
  std::string const text = TRY(read_all(file->number(), largest_file));
  lines.is_there_ = true;
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t const end = std::min(rest.find('\n'), rest.size());
    lines.lines_.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

std::vector<std::string_view> ControlLines::values() const {
  std::vector<std::string_view> values;
  for (const std::string& line : lines_)
    if (is_value(line)) values.push_back(value_of(line));
  return values;
}

Status ControlLines::save(const Directory& control) const {
  std::string text;
  for (const std::string& line : lines_) (text += line) += '\n';
  if (text.size() > largest_file) return permanent("it would become larger than 4 MiB: control/", name_);
  return replace_file(control, name_, 0644, text);
}

}  // namespace postern
