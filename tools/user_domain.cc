#include "tools/user_domain.h"

#include <algorithm>

#include "lib/mail/routes.h"
#include "tools/mail_domains.h"

namespace postern {

Result<LoginRoute> route_of(const Login& login, const Control& control) {
  if (!login.is_virtual()) return LoginRoute{login.text()};
  Routes const routes = TRY(Routes::read(control));
  Address const address = TRY(Address::parse(Wire{login.text()}));
  if (routes.is_local(address.domain())) return permanent("this domain is in control/locals, so leave out @", login.domain());
  Route route = routes.route(address);
  if (route.kind == Route::Kind::local) return LoginRoute{std::move(route.name)};
  auto const virtuals = TRY(MailDomains::read(control)).virtuals();
  if (std::any_of(virtuals.begin(), virtuals.end(), [&](const VirtualDomain& one) { return one.key == login.domain(); }))
    return permanent("control/virtualdomains sends mail elsewhere for", login.domain());
  std::string name{login.domain()};
  name += '-';
  return LoginRoute{name += login.local_part(), true};
}

Status add_domain(const Login& login, const Control& control) {
  MailDomains domains = TRY(MailDomains::read(control));
  domains.add_virtual(TRY(Domain::parse(Wire{login.domain()})));
  return domains.save_virtuals(control);
}

}  // namespace postern
