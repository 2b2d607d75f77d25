// address - a mailbox as it stands in an envelope (RFC 5321 §4.1.2, RFC 6531 §3.3)
//
// An Address that exists is valid: its syntax, its lengths (64 @ 255), no CR, LF or NUL.
// Nobody downstream checks again, so nobody can forget to.
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/domain.h"

namespace postern {

class Address {
 public:
  static Result<Address> parse(Wire text);  // local-part@domain, without angle brackets; empty is the null sender
  static Result<Address> make(std::string local_part, Domain domain);  // local part unquoted, case kept
  static Address null_sender() { return Address{}; }                   // <>, the sender of a bounce

  bool is_null_sender() const { return !domain_; }
  const std::string& local_part() const { return local_part_; }  // unquoted; case kept
  const Domain& domain() const { return *domain_; }              // not of the null sender
  std::string text() const;  // quoted where RFC 5321 asks; parse(text()) gives this back; empty for the null sender
  bool is_ascii() const;
  friend bool operator==(const Address&, const Address&) = default;

 private:
  Address() = default;
  std::string local_part_;
  std::optional<Domain> domain_;
};

// The sender of qmail's double bounces. It is no address; taken as what it means, the null sender.
constexpr std::string_view qmail_double_bounce = "#@[]";

// Where the local part of `text` ends: the '@' that separates it from the domain, or npos. Knows quoted strings.
std::size_t find_at_sign(std::string_view text);

}  // namespace postern
