#include "tools/user_system.h"

#include "lib/core/number.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"

namespace postern {
namespace {

// The line whose first field is `name`, or nothing.
std::optional<std::string_view> line_of(std::string_view text, std::string_view name) {
  if (name.find(':') != std::string_view::npos) return std::nullopt;
  while (!text.empty()) {
    std::size_t const end = text.find('\n');
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') return line;
  }
  return std::nullopt;
}

std::string_view take_field(std::string_view& rest) {
  std::size_t const end = rest.find(':');
  std::string_view const field = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return field;
}

}  // namespace

Result<Mailbox> find_system_user(Wire passwd, std::string_view name) {
  auto const line = line_of(passwd.bytes(), name);
  if (!line) return permanent("/etc/passwd has no user", name);
  std::string_view rest = *line;
  take_field(rest);
  take_field(rest);
  auto const uid = Uid::parse(Wire{take_field(rest)});
  auto const gid = Gid::parse(Wire{take_field(rest)});
  if (!uid || !gid) return permanent("no mailbox may have uid or gid 0; in /etc/passwd it is that of", name);
  take_field(rest);
  std::string_view const home = take_field(rest);
  if (home.size() < 2 || home.front() != '/') return permanent("/etc/passwd has no home for", name);
  return Mailbox{std::string{name}, uid->number(), gid->number(), std::string{home}, {}, {}};
}

std::optional<gid_t> find_system_group(Wire group, std::string_view name) {
  auto const line = line_of(group.bytes(), name);
  if (!line) return std::nullopt;
  std::string_view rest = *line;
  take_field(rest);
  take_field(rest);
  auto const gid = Gid::parse(Wire{take_field(rest)});
  if (!gid) return std::nullopt;
  return gid->number();
}

Result<std::string> read_system_file(const std::string& name) {
  Directory const etc = TRY(Directory::open("/etc"));
  Fd const file = TRY(etc.open_file(name));
  return read_all(file.number(), 16u << 20);
}

}  // namespace postern
