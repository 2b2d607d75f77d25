#include "lib/mail/smtp_routes.h"

#include <algorithm>
#include <vector>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint16_t smtp_port = 25;
constexpr std::size_t longest_password = 255;

struct RouteLine {
  std::string key;
  std::optional<Destination> relay;
  std::string password;
};

// Where a host's name ends: at the colon that is not inside an address literal.
std::size_t name_length(std::string_view text) {
  std::size_t const bracket = text.starts_with('[') ? text.find(']') : 0;
  return std::min(text.find(':', bracket == std::string_view::npos ? 0 : bracket), text.size());
}

// "", "domain", ".domain", "@domain" or "local@domain".
bool is_key(std::string_view key) {
  if (key.empty()) return true;
  std::size_t const at = key.rfind('@');
  if (at == std::string_view::npos) return Domain::parse(Wire{key.substr(key.front() == '.' ? 1 : 0)}).has_value();
  return at == 0 ? Domain::parse(Wire{key.substr(1)}).has_value() : Address::parse(Wire{key}).has_value();
}

// Takes the first word off, and the blanks behind it.
std::string_view take_word(std::string_view& rest) {
  std::size_t const end = std::min(rest.find_first_of(" \t"), rest.size());
  std::string_view const word = rest.substr(0, end);
  rest.remove_prefix(end);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  return word;
}

Result<std::optional<Destination>> parse_relay(std::string_view relay, std::string_view user) {
  std::size_t const length = name_length(relay);
  if (relay.empty() && user.empty()) return std::optional<Destination>{};
  Domain const host = TRY(Domain::parse(Wire{relay.substr(0, length)}));
  std::uint64_t port = smtp_port;
  if (length != relay.size()) port = TRY(parse_number(Wire{relay.substr(length + 1)}, 65535));
  return std::optional{TRY(Destination::relay(host, static_cast<std::uint16_t>(port), std::string{user}))};
}

Result<RouteLine> parse_line(std::string_view line) {
  std::string_view password = line;
  std::string_view const route = take_word(password);
  std::string_view const user = take_word(password);
  std::size_t const length = name_length(route);
  std::string_view const key = route.substr(0, length);
  if (length == route.size()) return permanent("control/smtproutes: no colon behind", key);
  if (!is_key(key)) return permanent("control/smtproutes: neither a domain nor a sender:", key);
  auto relay = parse_relay(route.substr(length + 1), user);
  if (!relay) return permanent("control/smtproutes: no relay that can be, in the line of", key);
  if (user.empty() != password.empty() || password.size() > longest_password ||
      std::any_of(password.begin(), password.end(), is_control))
    return permanent("control/smtproutes: a user has a password of 1 to 255 bytes, in the line of", key);
  return RouteLine{to_lower(key), *std::move(relay), std::string{password}};
}

Result<std::vector<RouteLine>> read_lines(const Control& control) {
  std::vector<RouteLine> lines;
  auto const texts = TRY(control.list<"smtproutes">());
  if (texts)
    for (const std::string& text : *texts) lines.push_back(TRY(parse_line(text)));
  return lines;
}

}  // namespace

Result<SmtpRoutes> SmtpRoutes::read(const Control& control) {
  SmtpRoutes routes;
  for (RouteLine& line : TRY(read_lines(control)))
    if (!routes.relays_.emplace(line.key, std::move(line.relay)).second)
      return permanent("control/smtproutes: two lines for", line.key);
  return routes;
}

const std::optional<Destination>* SmtpRoutes::find(const std::string& key) const {
  auto const found = relays_.find(key);
  return found == relays_.end() ? nullptr : &found->second;
}

Destination SmtpRoutes::destination(const Address& sender, const Domain& recipient) const {
  if (relays_.empty()) return Destination::of(recipient);
  const std::optional<Destination>* relay = nullptr;
  if (!sender.is_null_sender()) {
    relay = find(to_lower(sender.text()));
    if (!relay) relay = find("@" + sender.domain().text());
  }
  const std::string& name = recipient.text();
  if (!relay) relay = find(name);
  if (!relay && !recipient.is_literal())
    for (std::size_t dot = name.find('.'); !relay && dot != std::string::npos; dot = name.find('.', dot + 1))
      relay = find(name.substr(dot));
  if (!relay) relay = find("");
  return relay && *relay ? **relay : Destination::of(recipient);
}

Result<std::string> SmtpRoutes::password(const Control& control, const Destination& relay) {
  auto const status = control.directory().status_of("smtproutes");
  if (status && (status->st_mode & 07) != 0)
    return permanent("control/smtproutes holds a password that everybody may read: chgrp pn-routes and chmod 640 it");
  const RouteLine* found = nullptr;
  auto const lines = TRY(read_lines(control));
  for (const RouteLine& line : lines) {
    if (line.relay != relay) continue;
    if (found && found->password != line.password) return permanent("control/smtproutes has two passwords for", relay.text());
    found = &line;
  }
  if (!found || found->password.empty()) return permanent("control/smtproutes has no password for", relay.text());
  return found->password;
}

}  // namespace postern
