#include "send/bounce_names.h"

#include <algorithm>

#include "lib/core/ascii.h"

namespace postern {
namespace {

bool is_same(const Address& a, const Address& b) { return equal_ignoring_case(a.text(), b.text()); }

Result<Address> address_of(std::string_view local_part, std::string_view host, std::string_view files) {
  auto domain = Domain::parse(Wire{host});
  auto address = domain ? Address::make(std::string{local_part}, *std::move(domain)) : Result<Address>{domain.error()};
  if (!address) return permanent("these do not make an address:", files);
  return address;
}

// qmail's file has a local part, and an empty one drops double bounces; a whole address is taken as well.
Result<std::optional<Address>> double_address(const Control& control, const std::string& me) {
  std::string const to = TRY(control.line_or_nothing<"doublebounceto">()).value_or("postmaster");
  if (to.empty()) return std::optional<Address>{};
  if (to.find('@') == std::string::npos) {
    std::string const host = TRY(control.line<"doublebouncehost">()).value_or(me);
    return std::optional{TRY(address_of(to, host, "control/doublebounceto, control/doublebouncehost"))};
  }
  auto address = Address::parse(Wire{to});
  if (!address) return permanent("not an address:", "control/doublebounceto");
  return std::optional{*std::move(address)};
}

}  // namespace

Result<BounceNames> BounceNames::read(const Control& control) {
  std::string me = TRY(control.me());
  std::string const local_part = TRY(control.line<"bouncefrom">()).value_or("MAILER-DAEMON");
  std::string const host = TRY(control.line<"bouncehost">()).value_or(me);
  Address from = TRY(address_of(local_part, host, "control/bouncefrom, control/bouncehost"));
  auto double_to = TRY(double_address(control, me));
  return BounceNames{std::move(me), std::move(from), std::move(double_to)};
}

bool BounceNames::is_report(const Envelope& envelope) const {
  const Address& sender = envelope.sender;
  if (sender.is_null_sender() || is_same(sender, from) || equal_ignoring_case(sender.local_part(), "mailer-daemon")) return true;
  return std::all_of(envelope.recipients.begin(), envelope.recipients.end(),
                     [this](const Recipient& recipient) { return is_same(recipient.address, from); });
}

}  // namespace postern
