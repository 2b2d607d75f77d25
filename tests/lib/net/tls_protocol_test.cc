#include "lib/net/tls_protocol.h"

#include <catch2/catch.hpp>

#include "lib/core/netstring.h"
#include "lib/net/record.h"

using namespace postern;

namespace {

template <class T>
Result<T> again(const T& value) {
  std::string const record = value.encoded();
  return T::parse(Wire{std::string_view{record}.substr(record_head)});
}

Result<TlsFacts> parse_line(const std::string& line) { return TlsFacts::parse(Wire{std::string_view{line}}); }

TlsFacts some_facts() {
  TlsFacts facts;
  facts.protocol = "TLSv1.3";
  facts.cipher = "TLS_AES_256_GCM_SHA384";
  return facts;
}

std::string without_end(std::string line) {
  REQUIRE(line.back() == '\n');
  line.pop_back();
  return line;
}

}  // namespace

TEST_CASE("a request to be a TLS server comes back the same, or is refused") {
  TlsService const service{"submission", "192.0.2.1"};
  CHECK(*again(service) == service);
  TlsService const with_digit{"pop3s", {}};
  CHECK(*again(with_digit) == with_digit);
  CHECK(*again(TlsService{"smtp", ""}) == TlsService{"smtp", ""});
  CHECK(*again(TlsService{"smtp", "2001:db8::1"}) == TlsService{"smtp", "2001:db8::1"});
  for (const TlsService& bad : {TlsService{"", ""}, TlsService{"Smtp", ""}, TlsService{"smtp/x", ""},
                                TlsService{"abcdefghijklmnopq", ""}, TlsService{"smtp", "mail.example"}})
    CHECK_FALSE(again(bad));
  for (std::string const& bad : {std::string{}, std::string{"S"}, std::string{"S4:smtp,"}, std::string{"S4:smtp,0:,0:,"},
                                 std::string{"C4:smtp,0:,"}, std::string{"S04:smtp,0:,"}})
    CHECK_FALSE(TlsService::parse(Wire{bad}));
}

TEST_CASE("a request to be a TLS client comes back the same, or is refused") {
  TlsWanted wanted;
  CHECK(*again(wanted) == wanted);
  wanted.server_name = "mx.example";
  wanted.mode = TlsWanted::Mode::dane;
  wanted.names = {"mx.example", "example"};
  wanted.tlsa = {{3, 1, 1, std::string(32, '\0')}, {2, 0, 0, std::string(4096, 'x')}};
  CHECK(*again(wanted) == wanted);
  wanted.names.assign(8, "a.example");
  wanted.tlsa.assign(64, {3, 1, 1, std::string(32, 'x')});
  CHECK(*again(wanted) == wanted);

  auto const is_refused = [](auto change) {
    TlsWanted bad;
    change(bad);
    return !again(bad);
  };
  CHECK(is_refused([](TlsWanted& w) { w.server_name = "MX.example"; }));
  CHECK(is_refused([](TlsWanted& w) { w.server_name = std::string{"a\0b", 3}; }));
  CHECK(is_refused([](TlsWanted& w) { w.names = {""}; }));
  CHECK(is_refused([](TlsWanted& w) { w.names.assign(9, "a"); }));
  CHECK(is_refused([](TlsWanted& w) { w.mode = static_cast<TlsWanted::Mode>('x'); }));
  CHECK(is_refused([](TlsWanted& w) { w.tlsa = {{3, 1, 1, ""}}; }));
  CHECK(is_refused([](TlsWanted& w) { w.tlsa = {{3, 1, 1, std::string(4097, 'x')}}; }));
  CHECK(is_refused([](TlsWanted& w) { w.tlsa.assign(257, {3, 1, 1, "x"}); }));
  CHECK(is_refused([](TlsWanted& w) { w.tlsa.assign(18, {3, 0, 0, std::string(4096, 'x')}); }));  // over 72 KiB
}

TEST_CASE("facts are one line and come back the same") {
  TlsFacts facts = some_facts();
  CHECK(*parse_line(without_end(facts.encoded())) == facts);
  facts.server_name = "mail.example";
  facts.verified = TlsVerified::dane;
  facts.why = "a reason, of several words";
  facts.is_resumed = true;
  facts.exporter = std::string("\0\n\xff", 3) + std::string(29, 'e');
  facts.end_point = std::string(64, '\n');
  std::string const line = without_end(facts.encoded());
  CHECK(line.find('\n') == std::string::npos);
  CHECK(*parse_line(line) == facts);
  facts.why = std::string(4096, '\x01');
  std::string const longest = facts.encoded();
  CHECK(longest.size() < tls_answer_most);
  CHECK(parse_line(without_end(longest))->why == std::string(200, '?'));
}

TEST_CASE("lines that are no facts") {
  auto const is_refused = [](auto change) {
    TlsFacts bad = some_facts();
    change(bad);
    auto const parsed = parse_line(without_end(bad.encoded()));
    return !parsed && parsed.error().is_permanent();
  };
  CHECK(is_refused([](TlsFacts& f) { f.protocol.clear(); }));
  CHECK(is_refused([](TlsFacts& f) { f.cipher = "a b"; }));
  CHECK(is_refused([](TlsFacts& f) { f.server_name = "MAIL.example"; }));
  CHECK(is_refused([](TlsFacts& f) { f.verified = static_cast<TlsVerified>('x'); }));
  CHECK(is_refused([](TlsFacts& f) { f.exporter = std::string(31, 'x'); }));
  CHECK(is_refused([](TlsFacts& f) { f.end_point = std::string(65, 'x'); }));
  std::string const good = without_end(some_facts().encoded());
  for (const std::string& bad : {std::string{}, std::string{"ok"}, std::string{"ok "}, good + "0:,", good + "\r",
                                 std::string(tls_answer_most, 'x'), std::string{"yes"}, std::string{"no"}}) {
    auto const parsed = parse_line(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().is_permanent());
  }
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(parse_line(good.substr(0, cut)));
}

TEST_CASE("a refusal says whose doing it is") {
  auto const peers = parse_line(without_end(tls_refusal(TlsTrouble::peers, "no cipher\nin common")));
  REQUIRE_FALSE(peers);
  CHECK_FALSE(peers.error().is_permanent());
  CHECK(peers.error().number() == 0);
  CHECK(peers.error().where() == "no cipher?in common");
  auto const own = parse_line(without_end(tls_refusal(TlsTrouble::own, "there is no certificate")));
  REQUIRE_FALSE(own);
  CHECK_FALSE(own.error().is_permanent());
  CHECK(own.error().number() != 0);
  CHECK(own.error().where() == "there is no certificate");
}
