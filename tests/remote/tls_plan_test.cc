// Tests of remote/tls_plan: what policy, DNSSEC and a password make of a host, each rule of RFC 7672 a row.
#include "remote/tls_plan.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

const std::string digest(32, 'd');
const std::string long_digest(64, 'd');

DnsAnswer found(std::vector<DnsTlsa> records, bool is_secure = true) {
  DnsAnswer answer;
  answer.status = DnsStatus::found;
  answer.is_secure = is_secure;
  answer.tlsa = std::move(records);
  return answer;
}

DnsAnswer nothing(DnsStatus status, bool is_secure = true) {
  DnsAnswer answer;
  answer.status = status;
  answer.is_secure = is_secure;
  return answer;
}

// TLSA records by name; what is not there is securely none.
class Records final : public Resolver {
 public:
  explicit Records(std::map<std::string, DnsAnswer> answers) : answers_(std::move(answers)) {}
  Result<std::vector<DnsAnswer>> ask(std::span<const Question> questions, Deadline) override {
    std::vector<DnsAnswer> answers;
    for (auto const& [type, name] : questions) {
      CHECK(type == DnsType::tlsa);
      asked.push_back(name);
      if (answers_.contains("gone")) return temporary("dnsqd is away");
      answers.push_back(answers_.contains(name) ? answers_[name] : nothing(DnsStatus::no_name));
    }
    return answers;
  }
  std::vector<std::string> asked;

 private:
  std::map<std::string, DnsAnswer> answers_;
};

using Trust = MailHost::Trust;

MailHost host(Trust trust = Trust::all, std::string canonical = "mx.example.org") {
  return {"mx.example.org", *IpAddress::parse(Wire{"192.0.2.1"}), trust, std::move(canonical)};
}

TlsPlanner planner(TlsPolicy policy, bool has_login = false, std::string_view destination = "example.org") {
  return {*Destination::parse(Wire{destination}), policy, has_login};
}

// "must dane mx.example.org [mx.example.org example.org] 1": demand, mode, SNI, names, records; or its trouble.
std::string text_of(const TlsPlanner::Planned& planned) {
  if (!planned.trouble.empty()) return planned.trouble;
  const TlsPlan& plan = planned.plan;
  if (plan.demand == TlsPlan::Demand::never) return "never";
  std::string text = plan.demand == TlsPlan::Demand::may ? "may " : "must ";
  text += plan.wanted.mode == TlsWanted::Mode::any ? "any " : plan.wanted.mode == TlsWanted::Mode::name ? "name " : "dane ";
  text += plan.wanted.server_name + " [";
  for (const std::string& name : plan.wanted.names) text += (text.ends_with('[') ? "" : " ") + name;
  return text + "] " + std::to_string(plan.wanted.tlsa.size());
}

}  // namespace

TEST_CASE("which TLSA records can be used") {
  struct {
    DnsTlsa record;
    bool is_usable;
  } const rows[] = {
      {{3, 1, 1, digest}, true},  {{3, 0, 1, digest}, true},   {{2, 0, 1, digest}, true},    {{2, 1, 2, long_digest}, true},
      {{3, 1, 0, "a key"}, true}, {{0, 1, 1, digest}, false},  // RFC 7672 §3.1.3: PKIX-TA and PKIX-EE are for others
      {{1, 1, 1, digest}, false}, {{4, 1, 1, digest}, false},  {{255, 1, 1, digest}, false}, {{3, 2, 1, digest}, false},
      {{3, 1, 3, digest}, false}, {{3, 1, 1, "short"}, false}, {{3, 1, 2, digest}, false},   {{3, 1, 1, long_digest}, false},
  };
  for (auto const& [record, is_usable] : rows) {
    auto const records = dane_records(found({record}));
    REQUIRE(records);
    CHECK(records->usable.size() == (is_usable ? 1 : 0));
  }
  CHECK(dane_records(found({{0, 0, 1, digest}, {3, 1, 1, digest}}))->usable.size() == 1);
  DnsAnswer unread = found({});
  unread.left_out = 1;  // there are some, of a form that nobody knows
  CHECK(dane_records(unread)->usable.empty());
  CHECK_FALSE(dane_records(found({{3, 1, 1, digest}}, false)));
  CHECK_FALSE(dane_records(nothing(DnsStatus::no_data)));
  CHECK_FALSE(dane_records(nothing(DnsStatus::no_name)));
  CHECK_FALSE(dane_records(nothing(DnsStatus::no_data, false)));
}

TEST_CASE("opportunistic DANE, decision by decision") {
  DnsTlsa const good{3, 1, 1, digest};
  DnsTlsa const useless{0, 1, 1, digest};
  std::string const base = "_25._tcp.mx.example.org";
  std::string const alias = "_25._tcp.real.example.net";
  std::string const by_dane = "must dane mx.example.org [mx.example.org example.org] 1";
  std::string const opportunistic = "may any mx.example.org [mx.example.org example.org] 0";
  struct {
    std::string_view what;
    MailHost host;
    std::map<std::string, DnsAnswer> answers;
    std::string plan;
    std::size_t asked;
  } const rows[] = {
      {"records that are signed", host(), {{base, found({good})}}, by_dane, 1},
      {"of two the one that can be used", host(), {{base, found({useless, good})}}, by_dane, 1},
      {"none that can be used", host(), {{base, found({useless})}}, "must any mx.example.org [mx.example.org example.org] 0", 1},
      {"records that are not signed", host(), {{base, found({good}, false)}}, opportunistic, 1},
      {"securely none", host(), {}, opportunistic, 1},
      {"none, and nobody signed that", host(), {{base, nothing(DnsStatus::no_data, false)}}, opportunistic, 1},
      {"MX or address not signed", host(Trust::none), {{base, found({good})}}, opportunistic, 0},
      {"an alias with records where it ends",
       host(Trust::all, "real.example.net"),
       {{alias, found({good})}, {base, found({useless})}},
       "must dane real.example.net [real.example.net mx.example.org example.org] 1",
       1},
      {"an alias with records at its name", host(Trust::all, "real.example.net"), {{base, found({good})}}, by_dane, 2},
      {"an alias with records where it ends that are not signed",
       host(Trust::all, "real.example.net"),
       {{alias, found({good}, false)}, {base, found({good})}},
       by_dane,
       2},
      {"an alias that leaves the signed part",
       host(Trust::name, "real.example.net"),
       {{alias, found({good})}, {base, found({good})}},
       by_dane,
       1},
      {"forged",
       host(),
       {{base, nothing(DnsStatus::bogus, false)}},
       "4.7.5 mx.example.org[192.0.2.1]: DNS gives forged or damaged TLSA records",
       1},
      {"no answer",
       host(),
       {{base, nothing(DnsStatus::failed, false)}},
       "4.7.5 mx.example.org[192.0.2.1]: DNS gives no answer to whether it has TLSA records",
       1},
      {"forged where the alias ends",
       host(Trust::all, "real.example.net"),
       {{alias, nothing(DnsStatus::bogus, false)}, {base, found({good})}},
       "4.7.5 mx.example.org[192.0.2.1]: DNS gives forged or damaged TLSA records",
       1},
  };
  for (auto const& row : rows) {
    CAPTURE(std::string{row.what});
    Records records{row.answers};
    TlsPlanner plans = planner(TlsPolicy::dane);
    CHECK(text_of(plans.plan(row.host, records, Deadline::in(1s))) == row.plan);
    CHECK(text_of(plans.plan(row.host, records, Deadline::in(1s))) == row.plan);  // its second address asks nothing
    CHECK(records.asked.size() == row.asked);
  }
  Records gone{{{"gone", {}}}};
  auto const planned = planner(TlsPolicy::dane).plan(host(), gone, Deadline::in(1s));
  CHECK(planned.is_dns_gone);
  CHECK(planned.trouble == "4.3.0 mx.example.org[192.0.2.1]: cannot ask DNS: dnsqd is away");
}

TEST_CASE("each policy, with and without a password, here and elsewhere") {
  MailHost const far = host(Trust::none);
  MailHost near = far;
  near.address = *IpAddress::parse(Wire{"127.0.0.2"});
  MailHost const numbered{"[192.0.2.1]", *IpAddress::parse(Wire{"192.0.2.1"})};
  std::string const may = "may any mx.example.org [mx.example.org example.org] 0",
                    verify = "must name mx.example.org [mx.example.org example.org] 0";
  struct {
    TlsPolicy policy;
    bool has_login;
    MailHost host;
    std::string plan;
  } const rows[] = {
      {TlsPolicy::none, false, far, "never"},
      {TlsPolicy::may, false, far, may},
      {TlsPolicy::encrypt, false, far, "must any mx.example.org [mx.example.org example.org] 0"},
      {TlsPolicy::verify, false, far, verify},
      {TlsPolicy::dane, false, far, may},
      {TlsPolicy::none, true, far, "never"},  // and the password stays here
      {TlsPolicy::may, true, far, verify},
      {TlsPolicy::encrypt, true, far, verify},
      {TlsPolicy::verify, true, far, verify},
      {TlsPolicy::dane, true, far, verify},
      {TlsPolicy::may, true, near, may},
      {TlsPolicy::encrypt, true, near, "must any mx.example.org [mx.example.org example.org] 0"},
      {TlsPolicy::dane, true, near, may},
  };
  for (auto const& row : rows) {
    Records records{{}};
    CHECK(text_of(planner(row.policy, row.has_login).plan(row.host, records, Deadline::in(1s))) == row.plan);
    CHECK(records.asked.empty());
  }
  Records records{{}};
  CHECK(text_of(planner(TlsPolicy::may, false, "[192.0.2.1]").plan(numbered, records, Deadline::in(1s))) == "may any  [] 0");
  CHECK(text_of(planner(TlsPolicy::verify, false, "[192.0.2.1]").plan(numbered, records, Deadline::in(1s))) ==
        "4.7.5 [192.0.2.1][192.0.2.1]: its certificate cannot be verified, for an address has no name: control/tlspolicy says "
        "verify");
}

TEST_CASE("whatever number of TLSA records DNS can answer, tlsd is asked with all of them") {
  std::string const base = "_25._tcp.mx.example.org";
  DnsTlsa const longest{3, 0, 0, std::string(4096 - 3, 'x')};
  for (auto const& set :
       {std::vector<DnsTlsa>(dns_records_most, {3, 1, 1, digest}), std::vector<DnsTlsa>(dns_record_bytes_most / 4096, longest),
        std::vector<DnsTlsa>(dns_records_most, {2, 0, 0, std::string(dns_record_bytes_most / dns_records_most - 3, 'x')})}) {
    std::string const answer = found(set).encoded(1);
    auto const answered = DnsAnswer::parse(Wire{std::string_view{answer}.substr(record_head)});
    REQUIRE(answered);
    REQUIRE(answered->tlsa.size() == set.size());
    Records records{{{base, *answered}}};
    auto const planned = planner(TlsPolicy::dane).plan(host(), records, Deadline::in(1s));
    std::string const request = planned.plan.wanted.encoded();
    auto const asked = TlsWanted::parse(Wire{std::string_view{request}.substr(record_head)});
    REQUIRE(asked);
    CHECK(asked->tlsa == set);
  }
  // And what is too much for an answer of DNS is no answer: the host's mail waits, for who knows what stood there.
  auto set = std::vector<DnsTlsa>(dns_records_most + 1, {3, 1, 1, digest});
  std::string const answer = found(set).encoded(1);
  Records records{{{base, *DnsAnswer::parse(Wire{std::string_view{answer}.substr(record_head)})}}};
  CHECK(text_of(planner(TlsPolicy::dane).plan(host(), records, Deadline::in(1s))) ==
        "4.7.5 mx.example.org[192.0.2.1]: DNS gives no answer to whether it has TLSA records: the answer has too many records or "
        "bytes");
}

TEST_CASE("a relay with a password and TLSA records") {
  std::string const base = "_587._tcp.mx.example.org";
  Records good{{{base, found({{3, 1, 1, digest}})}}};
  auto plans = planner(TlsPolicy::dane, true, "mx.example.org:587 alice");
  CHECK(text_of(plans.plan(host(), good, Deadline::in(1s))) == "must dane mx.example.org [mx.example.org] 1");
  CHECK(good.asked.front() == base);
  Records useless{{{base, found({{0, 1, 1, digest}})}}};
  plans.forget();
  CHECK(text_of(plans.plan(host(), useless, Deadline::in(1s))) == "must name mx.example.org [mx.example.org] 0");
}
