#include "lib/mail/destination.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

// Where the host ends: behind the bracket of a literal, else at the colon or the end.
std::size_t host_length(std::string_view text) {
  if (!text.starts_with('[')) return std::min(text.find(':'), text.size());
  std::size_t const bracket = text.find(']');
  return bracket == std::string_view::npos ? text.size() : bracket + 1;
}

}  // namespace

Result<Destination> Destination::relay(const Domain& host, std::uint16_t port, std::string user) {
  if (port == 0) return permanent("destination: a port is 1 to 65535");
  if (user.size() > longest_relay_user || !std::all_of(user.begin(), user.end(), is_graphic))
    return permanent("destination: a user name is at most 255 printable characters without blanks");
  return Destination{host, port, std::move(user)};
}

Result<Destination> Destination::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::size_t const length = host_length(text);
  Domain const host = TRY(Domain::parse(Wire{text.substr(0, length)}));
  std::string_view rest = text.substr(length);
  if (rest.empty()) return of(host);
  if (rest.front() != ':') return permanent("destination: something behind the host that is no port");
  rest.remove_prefix(1);
  std::string_view const digits = rest.substr(0, rest.find(' '));
  if (digits.starts_with('0')) return permanent("destination: a port is 1 to 65535");  // one text for one destination
  auto const port = static_cast<std::uint16_t>(TRY(parse_number(Wire{digits}, 0xffff)));
  if (digits.size() == rest.size()) return relay(host, port, {});
  std::string_view const user = rest.substr(digits.size() + 1);
  if (user.empty()) return permanent("destination: a blank without a user name");
  return relay(host, port, std::string{user});
}

std::string Destination::text() const {
  std::string text = host_.text();
  if (!is_relay()) return text;
  text += ':';
  append_decimal(text, port_);
  if (!user_.empty()) text += ' ' + user_;
  return text;
}

}  // namespace postern
