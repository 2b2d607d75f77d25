// address_list - the addresses in a From, To, Cc, Bcc ... field (RFC 5322 §3.4, and the obsolete forms of §4.4)
//
// Groups, comments, quoted strings, source routes (dropped), empty elements, blanks around dots. Beyond the RFC, as
// people and qmail's users write them: an address without a host gets the default host, a host without a dot the
// default domain, a host that ends in "+" the plus domain, and a comma may be missing between two addresses. What was
// completed so stands in text(); all else of the field keeps its bytes. Each byte is looked at a fixed number of times,
// nothing recurses, and an element has at most 4,096 words.
#pragma once

#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/address.h"

namespace postern {

// What completes an address that a person wrote short.
class Completion {
 public:
  // The host is itself completed by the domains. Control files' values: any of them may be wrong.
  static Result<Completion> make(std::string_view default_host, std::string_view default_domain, std::string_view plus_domain);
  std::string host_of(std::string_view written) const;  // empty is no host at all; literals stay

 private:
  std::string default_host_;
  std::string default_domain_;
  std::string plus_domain_;
};

struct ListedAddress {
  Address address;   // the null sender for "<>"
  std::string name;  // what stood in front of it, unquoted; may be empty
};

class AddressList {
 public:
  static constexpr std::size_t most_addresses = 50'000;

  // The body of a field, with folds and line end or without.
  static Result<AddressList> parse(Wire body, const Completion& completion);

  const std::vector<ListedAddress>& addresses() const { return addresses_; }
  const std::string& text() const { return text_; }  // the body, completed

 private:
  friend class AddressListParser;
  std::vector<ListedAddress> addresses_;
  std::string text_;
};

}  // namespace postern
