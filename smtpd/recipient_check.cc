#include "smtpd/recipient_check.h"

#include "lib/core/ascii.h"
#include "lib/mail/full_flag.h"

namespace postern {

Result<RecipientCheck> RecipientCheck::read(const Control& control, const Result<Directory>& users) {
  Routes routes = TRY(Routes::read(control));
  auto me = Domain::parse(Wire{routes.me()});
  if (!me) return permanent("control/me: not a host name");
  Address postmaster = TRY(Address::make("postmaster", *std::move(me)));
  auto database = users ? UsersDatabase::open(*users) : Result<UsersDatabase>{users.error()};
  std::optional<Directory> full;
  if (auto opened = users ? users->open_directory("full") : Result<Directory>{users.error()}) full = *std::move(opened);
  return RecipientCheck{std::move(routes), std::move(database), std::move(full), std::move(postmaster)};
}

// Who does not say how large a message is gets no room in a full mailbox: it might be too large, and wait in our queue then.
RecipientCheck::Verdict RecipientCheck::room_of(const Mailbox& mailbox, std::uint64_t size) const {
  if (mailbox.quota.is_none()) return Verdict::accept;
  if (mailbox.quota.bytes != 0 && size > mailbox.quota.bytes) return Verdict::too_large;
  auto const room = full_ ? room_when_full(*full_, mailbox.user, wall_now()) : std::nullopt;
  return room && (size == 0 || size > *room) ? Verdict::full : Verdict::accept;
}

RecipientCheck::Answer RecipientCheck::check(Address address, std::uint64_t size) const {
  if (!routes_.is_accepted_from_strangers(address.domain())) return {Verdict::relaying, std::move(address)};
  Route const route = routes_.route(address);
  if (route.kind == Route::Kind::remote) return {Verdict::accept, std::move(address)};
  auto const mailbox = users_ ? users_->find(route.name) : Result<std::optional<Mailbox>>{users_.error()};
  if (mailbox && *mailbox) return {room_of(**mailbox, size), std::move(address)};
  if (equal_ignoring_case(address.local_part(), "postmaster")) return {Verdict::accept, postmaster_};  // RFC 5321 §4.5.1
  if (!mailbox) return {Verdict::try_later, std::move(address), mailbox.error().text()};
  return {Verdict::unknown, std::move(address)};
}

Result<std::string> RecipientCheck::owner_of(const Address& address) const {
  Route const route = routes_.route(address);
  if (route.kind == Route::Kind::remote) return std::string{};
  if (!users_) return users_.error();
  auto mailbox = TRY(users_->find(route.name));
  return mailbox ? std::move(mailbox->user) : std::string{};
}

}  // namespace postern
