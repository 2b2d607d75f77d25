#include "auth/shadow_entry.h"

#include <array>

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint64_t most_days = 0xffffffff;

template <std::size_t count>
Result<std::array<std::string_view, count>> fields_of(std::string_view line) {
  std::array<std::string_view, count> fields;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t const end = line.find(':');
    if ((end == std::string_view::npos) != (i + 1 == count)) return permanent("not as many fields as such a line has");
    fields[i] = line.substr(0, end);
    if (end != std::string_view::npos) line.remove_prefix(end + 1);
  }
  return fields;
}

// Nothing, or -1 as some tools write it: no such number.
Result<std::optional<std::uint64_t>> parse_days(std::string_view text) {
  if (text.empty() || text == "-1") return std::optional<std::uint64_t>{};
  return std::optional{TRY(parse_number(Wire{text}, most_days))};
}

}  // namespace

Result<ShadowEntry> ShadowEntry::parse(Wire line) {
  auto const fields = TRY(fields_of<9>(line.bytes()));
  ShadowEntry entry;
  entry.hash = fields[1];
  entry.changed = TRY(parse_days(fields[2]));
  entry.most_age = TRY(parse_days(fields[4]));
  entry.inactive = TRY(parse_days(fields[6]));
  entry.expires = TRY(parse_days(fields[7]));
  return entry;
}

bool ShadowEntry::is_usable(std::uint64_t today) const {
  if (hash.empty() || hash.front() == '!' || hash.front() == '*') return false;
  if (expires && today >= *expires) return false;
  if (!changed) return true;
  if (*changed == 0) return false;  // to be changed at the next login, which this is not
  return !most_age || today <= *changed + *most_age + inactive.value_or(0);
}

std::optional<std::string_view> find_line(std::string_view file, std::string_view name) {
  while (!file.empty()) {
    std::string_view const line = file.substr(0, file.find('\n'));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') return line;
    file.remove_prefix(std::min(file.size(), line.size() + 1));
  }
  return {};
}

Result<uid_t> uid_of_passwd_line(Wire line) {
  auto const fields = TRY(fields_of<7>(line.bytes()));
  return static_cast<uid_t>(TRY(parse_number(Wire{fields[2]}, 0xffffffffu)));
}

}  // namespace postern
