#include "lib/mail/routes.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

// `domain` itself, then each ".parent" above it, then "": the order in which qmail's lists are asked.
template <class Ask>
bool any_suffix(std::string_view domain, Ask ask) {
  if (ask(domain)) return true;
  for (std::size_t dot = domain.find('.', 1); dot != std::string_view::npos; dot = domain.find('.', dot + 1))
    if (ask(domain.substr(dot))) return true;
  return false;
}

}  // namespace

Result<Routes> Routes::read(const Control& control) {
  Routes routes;
  routes.me_ = to_lower(TRY(control.me()));
  auto const locals = TRY(control.list<"locals">());
  if (locals)
    for (const std::string& domain : *locals) routes.locals_.insert(to_lower(domain));
  else
    routes.locals_.insert(routes.me_);
  if (auto const lines = TRY(control.list<"virtualdomains">())) {
    for (const std::string& line : *lines) {
      std::size_t const colon = line.find(':');
      if (colon == std::string::npos) return permanent("control/virtualdomains: no colon in line:", line);
      routes.virtual_[to_lower(line.substr(0, colon))] = to_lower(line.substr(colon + 1));
    }
  }
  if (auto const hosts = TRY(control.list<"rcpthosts">()))
    for (const std::string& domain : *hosts) routes.accepted_.insert(to_lower(domain));
  return routes;
}

const std::string* Routes::prefix_of(const Address& address) const {
  const std::string& domain = address.domain().text();
  const std::string* prefix = nullptr;
  auto const ask = [&](std::string_view key) {
    auto const found = virtual_.find(std::string{key});
    if (found == virtual_.end()) return false;
    prefix = &found->second;
    return true;
  };
  if (ask(to_lower(address.local_part()) + "@" + domain) || any_suffix(domain, ask)) return prefix;
  ask("");
  return prefix;
}

Route Routes::route(const Address& address) const {
  const std::string& domain = address.domain().text();
  std::string local_part = to_lower(address.local_part());
  if (locals_.contains(domain)) return {Route::Kind::local, std::move(local_part)};
  const std::string* const prefix = virtual_.empty() ? nullptr : prefix_of(address);
  if (!prefix || prefix->empty()) return {Route::Kind::remote, domain};  // an empty prefix is qmail's "not virtual"
  return {Route::Kind::local, *prefix + "-" + local_part};
}

bool Routes::is_accepted_from_strangers(const Domain& domain) const {
  const std::string& name = domain.text();
  if (locals_.contains(name)) return true;
  if (any_suffix(name, [&](std::string_view key) { return accepted_.contains(std::string{key}); })) return true;
  bool is_virtual = false;
  any_suffix(name, [&](std::string_view key) {  // the first entry decides, as in route()
    auto const found = virtual_.find(std::string{key});
    if (found == virtual_.end()) return false;
    is_virtual = !found->second.empty();
    return true;
  });
  return is_virtual;
}

}  // namespace postern
