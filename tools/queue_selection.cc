#include "tools/queue_selection.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

// Not before 1970.
WallTime ago(WallTime now, Seconds span) {
  auto const since_epoch = std::chrono::duration_cast<Seconds>(now.time_since_epoch());
  return span >= since_epoch ? WallTime{} : now - span;
}

bool is_open(const QueuedMessage& message, std::size_t recipient) {
  const RecipientState* const state = message.state_of(recipient);
  return !state || state->word == StateWord::deferred;
}

}  // namespace

Result<AddressPattern> AddressPattern::parse(Wire wire) {
  std::string_view text = wire.bytes();
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
  AddressPattern pattern;
  if (text.empty()) return pattern;
  if (text.front() == '@') {
    pattern.is_any_local_part_ = true;
    pattern.domain_ = TRY(Domain::parse(Wire{text.substr(1)})).text();
    return pattern;
  }
  auto const address = Address::parse(Wire{text});
  if (!address) return permanent("neither <>, an address nor @ and a domain:", text);
  pattern.local_part_ = to_lower(address->local_part());
  pattern.domain_ = address->domain().text();
  return pattern;
}

bool AddressPattern::fits(const Address& address) const {
  if (address.is_null_sender() || domain_.empty()) return address.is_null_sender() && domain_.empty();
  return address.domain().text() == domain_ && (is_any_local_part_ || to_lower(address.local_part()) == local_part_);
}

Result<DomainPattern> DomainPattern::parse(Wire wire) {
  std::string_view text = wire.bytes();
  DomainPattern pattern;
  if (!text.empty() && text.front() == '@') text.remove_prefix(1);
  if (!text.empty() && text.front() == '.') {
    pattern.is_below_ = true;
    text.remove_prefix(1);
  }
  auto const domain = Domain::parse(Wire{text});
  if (!domain) return permanent("not a domain:", text);
  pattern.domain_ = domain->text();
  return pattern;
}

bool DomainPattern::fits(std::string_view domain) const {
  if (!is_below_) return domain == domain_;
  return domain.size() > domain_.size() + 1 && domain.ends_with(domain_) && domain[domain.size() - domain_.size() - 1] == '.';
}

Result<Chosen> Chosen::read(const Selection& selection, WallTime now) {
  Chosen chosen;
  if (selection.sender) chosen.sender_ = TRY(AddressPattern::parse(Wire{*selection.sender}));
  if (selection.recipient) chosen.recipient_ = TRY(AddressPattern::parse(Wire{*selection.recipient}));
  if (selection.domain) chosen.domain_ = TRY(DomainPattern::parse(Wire{*selection.domain}));
  if (selection.older) chosen.before_ = ago(now, *selection.older);
  if (selection.younger) chosen.after_ = ago(now, *selection.younger);
  return chosen;
}

bool Chosen::fits_age(const QueueId& id) const {
  WallTime const created = id.created();
  return (!before_ || created < *before_) && (!after_ || created > *after_);
}

bool Chosen::has_fitting_recipient(const QueuedMessage& message) const {
  for (std::size_t i = 0; i < message.envelope->recipients.size(); ++i) {
    const Address& address = message.envelope->recipients[i].address;
    bool const is_meant = (!recipient_ || recipient_->fits(address)) && (!domain_ || domain_->fits(address.domain().text()));
    if (is_meant && is_open(message, i)) return true;
  }
  return false;
}

bool Chosen::fits(const QueuedMessage& message) const {
  if (!fits_age(message.entry.id)) return false;
  if (!needs_envelope()) return true;
  if (!message.envelope || (sender_ && !sender_->fits(message.envelope->sender))) return false;
  return (!recipient_ && !domain_) || has_fitting_recipient(message);
}

}  // namespace postern
