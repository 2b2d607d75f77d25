#include "tools/user_domain.h"

#include <optional>

#include "lib/core/ascii.h"
#include "lib/os/io.h"
#include "tools/new_file.h"

namespace postern {
namespace {

// What stands behind "domain:"; the last line counts.
Result<std::optional<std::string>> prefix_of(std::string_view domain, const Control& control) {
  std::optional<std::string> prefix;
  auto const lines = TRY(control.list<"virtualdomains">());
  if (!lines) return prefix;
  for (const std::string& line : *lines) {
    std::size_t const colon = line.find(':');
    if (colon != std::string::npos && equal_ignoring_case(std::string_view{line}.substr(0, colon), domain))
      prefix = to_lower(line.substr(colon + 1));
  }
  return prefix;
}

}  // namespace

Result<std::string> local_name_of(const Login& login, const Control& control) {
  if (!login.is_virtual()) return login.text();
  std::string name = TRY(prefix_of(login.domain(), control)).value_or(std::string{login.domain()});
  if (name.empty()) return permanent("control/virtualdomains sends mail elsewhere for", login.domain());
  name += '-';
  return name += login.local_part();
}

Status add_domain(const Login& login, const Control& control) {
  if (!login.is_virtual()) return Done{};
  auto const locals = TRY(control.list<"locals">());
  for (const std::string& local : locals ? *locals : std::vector<std::string>{TRY(control.me())})
    if (equal_ignoring_case(local, login.domain()))
      return permanent("mail of this domain is for users of this host; leave out @", login.domain());
  if (TRY(prefix_of(login.domain(), control))) return Done{};
  std::string text;
  auto const file = control.directory().open_file("virtualdomains");
  if (file)
    text = TRY(read_all(file->number(), 4u << 20));
  else if (!is_missing(file.error()))
    return file.error();
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += login.domain();
  text += ':';
  text += login.domain();
  return replace_file(control.directory(), "virtualdomains", 0644, text + "\n");
}

}  // namespace postern
