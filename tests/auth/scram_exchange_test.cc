// A whole exchange as RFC 7677 §3 shows it, and what must not pass.
#include "auth/scram_exchange.h"

#include <catch2/catch.hpp>

#include "lib/core/base64.h"

using namespace postern;

namespace {

constexpr std::string_view mechanism = "SCRAM-SHA-256", plus = "SCRAM-SHA-256-PLUS";
constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

// Of "pencil", with the example's salt: computed by PBKDF2 elsewhere.
ScramKeys keys() {
  return {4096, *from_base64(Wire{"W22ZaJ0SNY7soEsUEjb6gQ=="}),
          *from_base64(Wire{"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="}),
          *from_base64(Wire{"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="})};
}

Result<ScramExchange> start(std::string_view message, const AuthContext& context, std::string_view name) {
  auto const first = ScramFirst::parse(Wire{message});
  REQUIRE(first);
  return ScramExchange::start(*first, keys(), context, name, server_nonce);
}

AuthContext bound() { return {"imap", "", true, std::string(32, 'x'), std::string(32, 'e')}; }

}  // namespace

TEST_CASE("the exchange of RFC 7677") {
  auto const exchange = start("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", {}, mechanism);
  REQUIRE(exchange);
  CHECK(exchange->server_first() == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  constexpr std::string_view right =
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  auto const outcome = exchange->finish(*ScramFinal::parse(Wire{right}));
  CHECK(outcome.is_right);
  CHECK(outcome.server_final == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(outcome.client_key.bytes().size() == 32);

  for (std::size_t at = 0; at < right.size(); ++at) {  // no other message passes
    std::string wrong{right};
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    if (auto const final = ScramFinal::parse(Wire{wrong})) CHECK_FALSE(exchange->finish(*final).is_right);
  }
  auto const shorter = ScramFinal::parse(Wire{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAEC"});
  CHECK_FALSE(exchange->finish(*shorter).is_right);
}

TEST_CASE("channel binding is what the connection and the mechanism say") {
  struct Case {
    std::string_view message;
    bool with_tls, is_plus, is_good;
  };
  constexpr Case cases[] = {{"n,,n=u,r=x", true, false, true},
                            {"n,,n=u,r=x", true, true, false},
                            {"y,,n=u,r=x", false, false, true},
                            {"y,,n=u,r=x", true, false, false},  // somebody took -PLUS out of the list
                            {"y,,n=u,r=x", true, true, false},
                            {"p=tls-exporter,,n=u,r=x", true, true, true},
                            {"p=tls-server-end-point,,n=u,r=x", true, true, true},
                            {"p=tls-unique,,n=u,r=x", true, true, false},
                            {"p=TLS-EXPORTER,,n=u,r=x", true, true, false},
                            {"p=tls-exporter,,n=u,r=x", true, false, false},
                            {"p=tls-exporter,,n=u,r=x", false, true, false},
                            {"n,a=u,n=u,r=x", true, false, true},
                            {"n,a=v,n=u,r=x", true, false, false}};
  for (auto const& [message, with_tls, is_plus, is_good] : cases) {
    CAPTURE(message, with_tls, is_plus);
    CHECK(start(message, with_tls ? bound() : AuthContext{}, is_plus ? plus : mechanism).has_value() == is_good);
  }
  CHECK_FALSE(start("n,,n=u,r=x", {}, "SCRAM-SHA-1"));
}
