#include "smtpd/recipient_check.h"

#include "lib/core/ascii.h"

namespace postern {

Result<RecipientCheck> RecipientCheck::read(const Control& control, const Result<Directory>& users) {
  Routes routes = TRY(Routes::read(control));
  auto me = Domain::parse(Wire{routes.me()});
  if (!me) return permanent("control/me: not a host name");
  Address postmaster = TRY(Address::make("postmaster", *std::move(me)));
  auto database = users ? UsersDatabase::open(*users) : Result<UsersDatabase>{users.error()};
  return RecipientCheck{std::move(routes), std::move(database), std::move(postmaster)};
}

RecipientCheck::Answer RecipientCheck::check(Address address) const {
  if (!routes_.is_accepted_from_strangers(address.domain())) return {Verdict::relaying, std::move(address)};
  Route const route = routes_.route(address);
  if (route.kind == Route::Kind::remote) return {Verdict::accept, std::move(address)};
  auto const mailbox = users_ ? users_->find(route.name) : Result<std::optional<Mailbox>>{users_.error()};
  if (mailbox && *mailbox) return {Verdict::accept, std::move(address)};
  if (equal_ignoring_case(address.local_part(), "postmaster")) return {Verdict::accept, postmaster_};  // RFC 5321 §4.5.1
  if (!mailbox) return {Verdict::try_later, std::move(address), mailbox.error().text()};
  return {Verdict::unknown, std::move(address)};
}

}  // namespace postern
