// queue_selection - which queued messages an operator means: by ID, sender, open recipient, its domain, age
//
// Every part that is given must fit. A recipient counts while it is open: neither delivered nor failed, as far as is known.
#pragma once

#include <optional>
#include <string>

#include "lib/mail/address.h"
#include "lib/net/desk_protocol.h"
#include "tools/queue_message.h"

namespace postern {

// One address, or all of a domain. Case counts nowhere: operators copy addresses from anywhere.
class AddressPattern {
 public:
  static Result<AddressPattern> parse(
      Wire text);  // "<>" and "" (the null sender), "me@here.example", "@here.example", with or without <>
  bool fits(const Address& address) const;

 private:
  AddressPattern() = default;
  bool is_any_local_part_ = false;
  std::string local_part_, domain_;  // lower case; no domain: the null sender
};

// A domain, or with a dot in front every name below it.
class DomainPattern {
 public:
  static Result<DomainPattern> parse(Wire text);
  bool fits(std::string_view domain) const;

 private:
  DomainPattern() = default;
  bool is_below_ = false;
  std::string domain_;
};

class Chosen {
 public:
  static Result<Chosen> read(const Selection& selection, WallTime now);
  bool needs_envelope() const { return sender_ || recipient_ || domain_; }
  bool fits_age(const QueueId& id) const;
  bool fits(const QueuedMessage& message) const;  // age and envelope; IDs and `all` are whoever walks' own business

 private:
  Chosen() = default;
  bool has_fitting_recipient(const QueuedMessage& message) const;
  std::optional<AddressPattern> sender_, recipient_;
  std::optional<DomainPattern> domain_;
  std::optional<WallTime> before_, after_;
};

}  // namespace postern
