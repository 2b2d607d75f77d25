#include "remote/tls_policy.h"

#include <algorithm>

#include "lib/core/number.h"
#include "lib/mail/a_labels.h"

namespace postern {
namespace {

struct Word {
  std::string_view text;
  TlsPolicy policy;
};
constexpr Word words[] = {
    {"none", TlsPolicy::none},     {"may", TlsPolicy::may},   {"encrypt", TlsPolicy::encrypt},
    {"verify", TlsPolicy::verify}, {"dane", TlsPolicy::dane},
};

std::string key_of(const Domain& host) {
  auto const name = a_labels(host);
  return name ? *name : host.text();  // no name in any script: no mail goes there either
}

std::string key_of(const Destination& destination) {
  std::string key = key_of(destination.host());
  if (destination.is_relay()) key += ":" + decimal(destination.port());
  return key;
}

Result<std::string> parse_name(std::string_view name) {
  if (name.empty()) return std::string{};
  if (name.find(' ') != std::string_view::npos) return permanent("a relay's user does not count");
  if (name.front() != '.') return key_of(TRY(Destination::parse(Wire{name})));
  Domain const domain = TRY(Domain::parse(Wire{name.substr(1)}));
  if (domain.is_literal()) return permanent("nothing is below an address");
  return "." + key_of(domain);
}

}  // namespace

std::string_view tls_policy_name(TlsPolicy policy) {
  for (auto const& [text, meaning] : words)
    if (meaning == policy) return text;
  return {};
}

Result<TlsPolicyLine> TlsPolicyLine::parse(Wire line) {
  auto const [name, value] = split_named_value(line.bytes());
  for (auto const& [text, policy] : words) {
    if (text != value) continue;
    auto key = parse_name(name);
    if (!key || (name.empty() && value.size() != line.bytes().size())) break;
    return TlsPolicyLine{*std::move(key), policy};
  }
  return permanent(
      "control/tlspolicy: none, may, encrypt, verify or dane, and in front of it at most domain:, .domain: or relay:port:, and "
      "not",
      line.bytes());
}

Status TlsPolicies::add(const TlsPolicyLine& line) {
  if (std::find(names_.begin(), names_.end(), line.name) != names_.end())
    return permanent("control/tlspolicy: two lines for", line.name.empty() ? "all" : std::string_view{line.name});
  names_.push_back(line.name);
  line.name.empty() ? policies_.set(line.policy) : policies_.set(line.name, line.policy);
  return Done{};
}

Result<TlsPolicies> TlsPolicies::read(const Control& control) {
  TlsPolicies policies;
  auto const lines = TRY(control.list<"tlspolicy">());
  if (!lines) return policies;
  for (const std::string& line : *lines) TRY(policies.add(TRY(TlsPolicyLine::parse(Wire{line}))));
  return policies;
}

TlsPolicy TlsPolicies::of(const Destination& destination) const { return policies_.of(key_of(destination)); }

}  // namespace postern
