#include "tools/user_domain.h"

#include "lib/core/ascii.h"
#include "lib/mail/routes.h"
#include "lib/os/io.h"
#include "tools/new_file.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 4u << 20;

// Is there a line "DOMAIN:..."?
Result<bool> has_entry(std::string_view domain, const Control& control) {
  auto const lines = TRY(control.list<"virtualdomains">());
  if (!lines) return false;
  for (const std::string& line : *lines)
    if (equal_ignoring_case(std::string_view{line}.substr(0, line.find(':')), domain)) return true;
  return false;
}

}  // namespace

Result<LoginRoute> route_of(const Login& login, const Control& control) {
  if (!login.is_virtual()) return LoginRoute{login.text()};
  Routes const routes = TRY(Routes::read(control));
  auto const locals = TRY(control.list<"locals">());
  for (const std::string& local : locals ? *locals : std::vector<std::string>{routes.me()})
    if (equal_ignoring_case(local, login.domain()))
      return permanent("this domain is in control/locals, so leave out @", login.domain());
  Route route = routes.route(TRY(Address::parse(Wire{login.text()})));
  if (route.kind == Route::Kind::local) return LoginRoute{std::move(route.name)};
  if (TRY(has_entry(login.domain(), control)))
    return permanent("control/virtualdomains sends mail elsewhere for", login.domain());
  std::string name{login.domain()};
  name += '-';
  return LoginRoute{name += login.local_part(), true};
}

Status add_domain(const Login& login, const Control& control) {
  std::string text;
  auto const file = control.directory().open_file("virtualdomains");
  if (file)
    text = TRY(read_all(file->number(), largest_file));
  else if (!is_missing(file.error()))
    return file.error();
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += login.domain();
  text += ':';
  text += login.domain();
  return replace_file(control.directory(), "virtualdomains", 0644, text + "\n");
}

}  // namespace postern
