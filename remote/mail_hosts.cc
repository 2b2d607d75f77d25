#include "remote/mail_hosts.h"

#include <ifaddrs.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "lib/core/ascii.h"
#include "lib/mail/a_labels.h"
#include "lib/net/remote_words.h"

namespace postern {
namespace {

constexpr unsigned none = 0x10000;  // above every preference

MailHosts no_hosts(Outcome outcome, std::string_view status, std::string_view host, std::string_view what) {
  return {{}, true, outcome, remote_trouble(status, host, what)};
}

// dnsqd's trouble is no destination's.
MailHosts no_dns(std::string_view host, const Error& error) {
  return {{}, false, Outcome::deferred, remote_trouble("4.3.0", host, "cannot ask DNS: " + error.text()), Blame::message};
}

std::uint64_t any_number() {
  std::uint64_t number = 0;
  while (getrandom(&number, sizeof number, 0) != sizeof number) continue;
  return number;
}

template <class T>
void shuffle(std::vector<T>& values) {
  for (std::size_t left = values.size(); left > 1; --left) std::swap(values[left - 1], values[any_number() % left]);
}

bool is_trouble(const DnsAnswer& answer) { return answer.status == DnsStatus::failed || answer.status == DnsStatus::bogus; }

std::string words_of(const DnsAnswer& answer) {
  std::string words = answer.status == DnsStatus::bogus ? "DNS gives forged or damaged answers" : "DNS gives no answer";
  return answer.why.empty() ? words : words + ": " + answer.why;
}

struct Candidate {
  unsigned preference;
  std::string name;
  std::vector<IpAddress> addresses = {};  // in the order in which they are tried
  std::string trouble = {};               // DNS did not say them all
  MailHost::Trust trust = MailHost::Trust::none;
  std::string canonical = {};
};

// IPv6 and IPv4 in turn, each family's in random order: a family that does not work costs one try, then the other one's turn has
// come.
std::vector<IpAddress> in_turn(const DnsAnswer& v6, const DnsAnswer& v4) {
  std::vector<IpAddress> first = v6.addresses, second = v4.addresses, all;
  for (std::vector<IpAddress>* family : {&first, &second}) {
    shuffle(*family);
    if (family->size() > most_host_addresses) family->erase(family->begin() + most_host_addresses, family->end());
  }
  for (std::size_t at = 0; at < std::max(first.size(), second.size()); ++at)
    for (const std::vector<IpAddress>* family : {&first, &second})
      if (at < family->size()) all.push_back((*family)[at]);
  return all;
}

// Whether DNSSEC vouches that a name is a host of the destination.
enum class NameTrust : unsigned char { unknown, vouched };

// RFC 7672 §2.2.2: an insecure address has no TLSA records that count, but the secure alias that led there may have some.
Status judge(Candidate& candidate, const DnsAnswer& v6, const DnsAnswer& v4, Resolver& resolver, Deadline deadline) {
  auto const is_insecure = [](const DnsAnswer& answer) { return !is_trouble(answer) && !answer.is_secure; };
  if (is_trouble(v6) && is_trouble(v4)) return Done{};
  candidate.canonical = is_trouble(v6) ? v4.canonical : v6.canonical;
  if (!is_insecure(v6) && !is_insecure(v4)) candidate.trust = MailHost::Trust::all;
  bool const is_alias = !candidate.canonical.empty() && candidate.canonical != candidate.name;
  if (candidate.trust == MailHost::Trust::all || !is_alias) return Done{};
  Resolver::Question const question{DnsType::cname, candidate.name};
  const DnsAnswer alias = TRY(resolver.ask({&question, 1}, deadline)).front();
  if (alias.status == DnsStatus::found && alias.is_secure) candidate.trust = MailHost::Trust::name;
  if (is_trouble(alias)) {  // whether there are some cannot be known
    candidate.addresses.clear();
    candidate.trouble = words_of(alias);
  }
  return Done{};
}

Status look_up(std::vector<Candidate>& candidates, NameTrust names, Resolver& resolver, Deadline deadline) {
  std::vector<Resolver::Question> questions;
  for (const Candidate& candidate : candidates)
    for (DnsType const type : {DnsType::aaaa, DnsType::a}) questions.push_back({type, candidate.name});
  auto const answers = TRY(resolver.ask(questions, deadline));
  for (std::size_t at = 0; at < candidates.size(); ++at) {
    const DnsAnswer& v6 = answers[2 * at];
    const DnsAnswer& v4 = answers[2 * at + 1];
    candidates[at].addresses = in_turn(v6, v4);
    if (is_trouble(v6) || is_trouble(v4)) candidates[at].trouble = words_of(is_trouble(v6) ? v6 : v4);
    if (names == NameTrust::vouched) TRY(judge(candidates[at], v6, v4, resolver, deadline));
  }
  return Done{};
}

MailHosts hosts_of(const std::vector<Candidate>& candidates) {
  MailHosts found;
  for (const Candidate& candidate : candidates) {
    for (const IpAddress& address : candidate.addresses)
      found.hosts.push_back({candidate.name, address, candidate.trust, candidate.canonical});
    found.are_all &= candidate.trouble.empty();
  }
  return found;
}

// The one host of a relay, or of a domain that has no MX record.
MailHosts addresses_of(const std::string& name, NameTrust trust, Outcome if_missing, const OwnHost* own, Resolver& resolver,
                       Deadline deadline) {
  std::vector<Candidate> host{{0, name}};
  if (auto const status = look_up(host, trust, resolver, deadline); !status) return no_dns(name, status.error());
  const std::vector<IpAddress>& addresses = host.front().addresses;
  const std::string& trouble = host.front().trouble;
  auto const is_own = [own](const IpAddress& address) { return own->is(address); };
  if (own && (own->is(name) || std::any_of(addresses.begin(), addresses.end(), is_own)))
    return no_hosts(Outcome::failed, "5.4.6", name, "this is that domain's mail host, but does not take its mail");
  if (!addresses.empty()) return hosts_of(host);
  if (!trouble.empty()) return no_hosts(Outcome::deferred, "4.4.3", name, trouble);
  return no_hosts(if_missing, if_missing == Outcome::failed ? "5.1.2" : "4.4.3", name, "the host has no address");
}

MailHosts literal(const Domain& domain, const OwnHost* own) {
  std::string_view text{domain.text()};
  text = text.substr(1, text.size() - 2);
  if (text.starts_with("ipv6:")) text.remove_prefix(5);
  auto const address = IpAddress::parse(Wire{text});
  if (!address) return no_hosts(Outcome::failed, "5.1.2", domain.text(), "an address literal of an unknown kind");
  if (own && own->is(*address))
    return no_hosts(Outcome::failed, "5.4.6", domain.text(), "this host itself, which does not take that mail");
  MailHosts found;
  found.hosts.push_back({domain.text(), *address});
  return found;
}

// The best hosts, each once.
std::vector<Candidate> candidates_of(const DnsAnswer& answer) {
  std::map<std::string, unsigned> preferences;
  for (const DnsMx& mx : answer.mx) {
    if (mx.host == ".") continue;  // RFC 7505 §3: beside others it means nothing
    auto const [entry, is_new] = preferences.emplace(mx.host, mx.preference);
    if (!is_new) entry->second = std::min<unsigned>(entry->second, mx.preference);
  }
  std::vector<Candidate> candidates;
  for (auto const& [name, preference] : preferences) candidates.push_back({preference, name});
  shuffle(candidates);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.preference < b.preference; });
  if (candidates.size() > most_mail_hosts) candidates.erase(candidates.begin() + most_mail_hosts, candidates.end());
  return candidates;
}

// Leaves out this host and all that are not better; gives its preference, or `none`.
unsigned drop_own(std::vector<Candidate>& candidates, const OwnHost& own) {
  unsigned own_preference = none;
  for (const Candidate& candidate : candidates) {
    auto const is_own = [&own](const IpAddress& address) { return own.is(address); };
    if (own.is(candidate.name) || std::any_of(candidate.addresses.begin(), candidate.addresses.end(), is_own))
      own_preference = std::min(own_preference, candidate.preference);
  }
  std::erase_if(candidates, [own_preference](const Candidate& candidate) { return candidate.preference >= own_preference; });
  return own_preference;
}

MailHosts hosts_of_mx(const std::string& name, const DnsAnswer& answer, const OwnHost& own, Resolver& resolver,
                      Deadline deadline) {
  std::vector<Candidate> candidates = candidates_of(answer);
  if (candidates.empty() && !answer.mx.empty()) return no_hosts(Outcome::failed, "5.1.10", name, "the domain takes no mail");
  if (candidates.empty()) return no_hosts(Outcome::failed, "5.4.4", name, "its MX records name no host");
  NameTrust const trust = answer.is_secure ? NameTrust::vouched : NameTrust::unknown;
  if (auto const status = look_up(candidates, trust, resolver, deadline); !status) return no_dns(name, status.error());
  unsigned const own_preference = drop_own(candidates, own);
  if (candidates.empty()) return no_hosts(Outcome::failed, "5.4.6", name, "this host is its best MX, but does not take its mail");
  MailHosts found = hosts_of(candidates);
  if (!found.hosts.empty()) return found;
  for (const Candidate& candidate : candidates)
    if (!candidate.trouble.empty()) return no_hosts(Outcome::deferred, "4.4.3", candidate.name, candidate.trouble);
  if (own_preference != none) return no_hosts(Outcome::deferred, "4.4.4", name, "no better MX than this host has an address");
  return no_hosts(Outcome::failed, "5.4.4", name, "none of its MX hosts has an address");
}

MailHosts hosts_of_domain(const std::string& name, const OwnHost& own, Resolver& resolver, Deadline deadline) {
  Resolver::Question const question{DnsType::mx, name};
  auto const answers = resolver.ask({&question, 1}, deadline);
  if (!answers) return no_dns(name, answers.error());
  const DnsAnswer& answer = answers->front();
  switch (answer.status) {
    case DnsStatus::found:
      return hosts_of_mx(name, answer, own, resolver, deadline);
    case DnsStatus::no_data:
      return addresses_of(name, answer.is_secure ? NameTrust::vouched : NameTrust::unknown, Outcome::failed, &own, resolver,
                          deadline);
    case DnsStatus::no_name:
      return no_hosts(Outcome::failed, "5.1.2", name, "there is no such domain");
    case DnsStatus::failed:
    case DnsStatus::bogus:
      break;
  }
  return no_hosts(Outcome::deferred, "4.4.3", name, words_of(answer));
}

}  // namespace

bool OwnHost::is(std::string_view name) const { return std::find(names.begin(), names.end(), name) != names.end(); }

bool OwnHost::is(const IpAddress& address) const {
  static constexpr std::string_view nobodys[] = {"0.0.0.0", "127.0.0.1", "::", "::1"};
  std::string const text = address.text();
  return std::find(std::begin(nobodys), std::end(nobodys), text) != std::end(nobodys) ||
         std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

Result<std::vector<IpAddress>> own_addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return system_error("list this host's addresses");
  std::vector<IpAddress> addresses;
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr) continue;
    sockaddr_storage address{};
    sa_family_t const family = entry->ifa_addr->sa_family;
    if (family == AF_INET) std::memcpy(&address, entry->ifa_addr, sizeof(sockaddr_in));
    if (family == AF_INET6) std::memcpy(&address, entry->ifa_addr, sizeof(sockaddr_in6));
    if (auto const endpoint = Endpoint::from(address)) addresses.push_back(endpoint->address);
  }
  freeifaddrs(list);
  return addresses;
}

MailHosts find_mail_hosts(const Destination& destination, const OwnHost& own, Resolver& resolver, Deadline deadline) {
  const Domain& host = destination.host();
  if (host.is_literal()) return literal(host, destination.is_relay() ? nullptr : &own);
  auto const name = a_labels(host);
  if (!name) return no_hosts(Outcome::failed, "5.1.2", host.text(), "not a domain name in any script");
  if (destination.is_relay())
    return addresses_of(*name, NameTrust::vouched, Outcome::deferred, nullptr, resolver, deadline);  // the operator's word
  return hosts_of_domain(*name, own, resolver, deadline);
}

}  // namespace postern
