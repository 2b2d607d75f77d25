#include "smtpd/sender_rights.h"

#include "lib/core/ascii.h"
#include "lib/mail/login.h"

namespace postern {

Result<SendAs> SendAs::parse(Wire line) {
  std::string_view const text = line.bytes();
  std::size_t const colon = text.find(':');
  if (colon == std::string_view::npos) return permanent("no colon behind the login");
  std::string_view const whom = trimmed(text.substr(colon + 1));
  std::string_view const login = trimmed(text.substr(0, colon));
  SendAs grant{TRY(Login::parse(Wire{login})).text(), {}, {}};
  if (whom == "*") return grant;
  if (whom.starts_with('@')) {
    grant.domain = TRY(Domain::parse(Wire{whom.substr(1)})).text();
    return grant;
  }
  Address const address = TRY(Address::parse(Wire{whom}));
  if (address.is_null_sender() || address.local_part().empty()) return permanent("no address behind the colon");
  grant.local_part = to_lower(address.local_part());
  grant.domain = address.domain().text();
  return grant;
}

bool SendAs::covers(std::string_view login_asking, const Address& address) const {
  return login == login_asking && (domain.empty() || domain == address.domain().text()) &&
         (local_part.empty() || local_part == to_lower(address.local_part()));
}

Result<SenderRights> SenderRights::read(const Control& control) {
  SenderRights rights;
  if (auto const lines = TRY(control.list<"sendas">()))
    for (const std::string& line : *lines) {
      auto grant = SendAs::parse(Wire{line});
      if (!grant) return permanent("control/sendas wants login:address, login:@domain or login:*, not", line);
      rights.grants_.push_back(*std::move(grant));
    }
  return rights;
}

Result<bool> SenderRights::may_send(std::string_view login, const Address& address, const RecipientCheck& recipients) const {
  for (const SendAs& grant : grants_)
    if (grant.covers(login, address)) return true;
  return TRY(recipients.owner_of(address)) == login;
}

}  // namespace postern
