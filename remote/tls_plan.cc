#include "remote/tls_plan.h"

#include <algorithm>

#include "lib/core/number.h"
#include "lib/mail/a_labels.h"
#include "lib/net/remote_words.h"

namespace postern {
namespace {

constexpr std::uint16_t smtp_port = 25;

// RFC 7672 §3.1: usages DANE-TA and DANE-EE; selectors and matching types of RFC 6698, whose digests have their lengths.
bool is_usable(const DnsTlsa& record) {
  if ((record.usage != 2 && record.usage != 3) || record.selector > 1) return false;
  if (record.matching == 1) return record.data.size() == 32;
  if (record.matching == 2) return record.data.size() == 64;
  return record.matching == 0 && !record.data.empty();
}

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (is_dns_host_name(name) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::string words_of(const DnsAnswer& answer) {
  std::string words = answer.status == DnsStatus::bogus ? "DNS gives forged or damaged TLSA records"
                                                        : "DNS gives no answer to whether it has TLSA records";
  return answer.why.empty() ? words : words + ": " + answer.why;
}

// Where TLSA records may be: at the name where aliases end, then at the name itself (RFC 7672 §2.2.2, §2.2.3).
std::vector<std::string> bases_of(const MailHost& host) {
  std::vector<std::string> bases;
  if (host.trust == MailHost::Trust::all && !host.canonical.empty()) add_name(bases, host.canonical);
  if (host.trust != MailHost::Trust::none) add_name(bases, host.name);
  return bases;
}

}  // namespace

std::optional<DaneRecords> dane_records(const DnsAnswer& answer) {
  if (answer.status != DnsStatus::found || !answer.is_secure) return std::nullopt;
  if (answer.tlsa.empty() && answer.left_out == 0) return std::nullopt;
  DaneRecords records;
  for (const DnsTlsa& record : answer.tlsa)
    if (is_usable(record)) records.usable.push_back(record);
  return records;
}

// A password for another machine leaves only to whom it is meant for.
bool TlsPlanner::must_verify(const MailHost& host) const { return has_login_ && !host.address.is_loopback(); }

// RFC 7672 §3.2.2 for DANE-TA; the same names are good ones for a chain to a trusted root.
std::vector<std::string> TlsPlanner::names_of(const MailHost& host) const {
  std::vector<std::string> names;
  add_name(names, host.name);
  if (auto const domain = a_labels(destination_.host())) add_name(names, *domain);
  return names;
}

TlsPlanner::Planned TlsPlanner::planned(const MailHost& host, TlsPlan::Demand demand, TlsWanted::Mode mode) const {
  Planned planned;
  planned.plan.demand = demand;
  planned.plan.wanted.mode = mode;
  if (is_dns_host_name(host.name) && host.name != host.address.text()) planned.plan.wanted.server_name = host.name;
  planned.plan.wanted.names = names_of(host);  // where any certificate will do, the facts still say whether it would have passed
  if (must_verify(host))
    planned.plan.why = "a password is for whom it is meant for";
  else
    planned.plan.why = "control/tlspolicy says " + std::string{tls_policy_name(policy_)};
  if (mode == TlsWanted::Mode::name && planned.plan.wanted.names.empty())
    planned.trouble = remote_trouble("4.7.5", host.text(),
                                     "its certificate cannot be verified, for an address has no name: " + planned.plan.why);
  return planned;
}

TlsPlanner::Planned TlsPlanner::plan(const MailHost& host, Resolver& resolver, Deadline deadline) {
  using Demand = TlsPlan::Demand;
  using Mode = TlsWanted::Mode;
  if (policy_ == TlsPolicy::none) return {};
  if (policy_ == TlsPolicy::dane && host.trust != MailHost::Trust::none) {
    auto found = found_.find(host.name);
    if (found == found_.end()) found = found_.emplace(host.name, plan_by_dane(host, resolver, deadline)).first;
    const Planned& by_dane = found->second;
    bool const is_enough = by_dane.plan.wanted.mode == Mode::dane || !must_verify(host);
    if (!by_dane.trouble.empty() || (is_enough && by_dane.plan.demand == Demand::must)) return by_dane;
  }
  if (policy_ == TlsPolicy::verify || must_verify(host)) return planned(host, Demand::must, Mode::name);
  return planned(host, policy_ == TlsPolicy::encrypt ? Demand::must : Demand::may, Mode::any);
}

// A plan that demands nothing: there are no records that count.
TlsPlanner::Planned TlsPlanner::plan_by_dane(const MailHost& host, Resolver& resolver, Deadline deadline) {
  std::string const port = "_" + decimal(destination_.is_relay() ? destination_.port() : smtp_port) + "._tcp.";
  for (const std::string& base : bases_of(host)) {
    Resolver::Question const question{DnsType::tlsa, port + base};
    auto const answers = resolver.ask({&question, 1}, deadline);
    if (!answers) return {{}, remote_trouble("4.3.0", host.text(), "cannot ask DNS: " + answers.error().text()), true};
    const DnsAnswer& answer = answers->front();
    if (answer.status == DnsStatus::failed || answer.status == DnsStatus::bogus)
      return {{}, remote_trouble("4.7.5", host.text(), words_of(answer)), false};
    auto const records = dane_records(answer);
    if (!records) continue;
    Planned found = planned(host, TlsPlan::Demand::must, records->usable.empty() ? TlsWanted::Mode::any : TlsWanted::Mode::dane);
    found.plan.why = "its TLSA records ask for it";
    found.plan.wanted.server_name = base;  // RFC 7672 §8.1
    found.plan.wanted.tlsa = records->usable;
    if (!records->usable.empty()) {
      found.plan.wanted.names = {base};
      for (const std::string& name : names_of(host)) add_name(found.plan.wanted.names, name);
    }
    return found;
  }
  return {};
}

}  // namespace postern
