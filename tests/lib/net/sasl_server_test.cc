// AUTH as RFC 4616, 4954, 5802 and 7677 show it, and what else a client may send.
#include "lib/net/sasl_server.h"

#include <catch2/catch.hpp>
#include <deque>

#include "lib/core/base64.h"

using namespace postern;

namespace {

using Kind = SaslServer::Kind;

// authd as the test wants it.
class Answers final : public AuthPort {
 public:
  std::deque<AuthAnswer> answers;
  std::vector<AuthRequest> asked;
  Result<AuthAnswer> ask(const AuthRequest& request, Deadline) override {
    asked.push_back(request);
    if (answers.empty()) return temporary("authd is away");
    AuthAnswer const answer = answers.front();
    answers.pop_front();
    return answer;
  }
};

AuthAnswer yes(std::string login, std::string message = {}, std::string ticket = {}) {
  return {AuthAnswer::Kind::yes, std::move(login), std::move(ticket), std::move(message)};
}
AuthAnswer challenge(std::string message) { return {AuthAnswer::Kind::challenge, {}, {}, std::move(message)}; }
AuthAnswer no(AuthAnswer::Reason reason) { return {AuthAnswer::Kind::no, {}, {}, "why", reason}; }

AuthContext over_tls() { return {"submission", "192.0.2.1", true, std::string(32, 'x'), std::string(32, 'e')}; }
AuthContext in_the_clear() { return {"submission", "192.0.2.1", false, {}, {}}; }
Deadline soon() { return Deadline::in(10s); }

struct Exchange {
  Answers authd;
  SaslServer sasl{authd, over_tls()};
};

// The initial response, or none; then lines; what kind the last step is.
Kind kind_of(std::string_view mechanism, std::optional<std::string> initial, std::vector<std::string> lines) {
  Exchange exchange;
  exchange.authd.answers = {challenge("r=x"), yes("tim", "v=x")};
  auto step = exchange.sasl.start(mechanism, initial, soon());
  for (const std::string& line : lines) step = exchange.sasl.next(line, soon());
  return step.kind;
}

}  // namespace

TEST_CASE("PLAIN as RFC 4616 and 4954 show it") {
  Exchange exchange;
  exchange.authd.answers = {yes("tim"), yes("test"), no(AuthAnswer::Reason::bad)};
  auto step = exchange.sasl.start("PLAIN", std::nullopt, soon());
  CHECK(step.kind == Kind::challenge);
  CHECK(step.text.empty());
  step = exchange.sasl.next(base64(std::string{"\0tim\0tanstaaftanstaaf", 21}), soon());
  CHECK(step.kind == Kind::success);
  CHECK(step.login == "tim");
  CHECK(exchange.authd.asked[0].login == "tim");
  CHECK(exchange.authd.asked[0].password == "tanstaaftanstaaf");
  CHECK(exchange.authd.asked[0].context == over_tls());

  CHECK(exchange.sasl.start("plain", "dGVzdAB0ZXN0AHRlc3RwYXNz", soon()).kind == Kind::success);
  CHECK(exchange.authd.asked[1].password == "testpass");

  // RFC 4616 §4, Ursel for Kurt: nobody may be somebody else, and that takes as long as a wrong password
  step = exchange.sasl.start("PLAIN", base64(std::string{"Ursel\0Kurt\0xipj3plmq", 20}), soon());
  CHECK(step.kind == Kind::failure);
  CHECK(step.login == "Kurt");
  CHECK(exchange.authd.asked[2].password.empty());
}

TEST_CASE("PLAIN refuses what is no message of it") {
  auto const plain = [](std::string message) { return kind_of("PLAIN", base64(message), {}); };
  std::string const nul(1, '\0'), long_word(1025, 'a');
  CHECK(plain(nul + "a" + nul + "b") == Kind::later);  // the first answer of this authd is a challenge: not here
  CHECK(plain("") == Kind::malformed);
  CHECK(plain("a") == Kind::malformed);
  CHECK(plain(nul) == Kind::malformed);
  CHECK(plain(nul + nul) == Kind::malformed);
  CHECK(plain(nul + "a" + nul) == Kind::malformed);
  CHECK(plain(nul + nul + "b") == Kind::malformed);
  CHECK(plain(nul + "a" + nul + "b" + nul) == Kind::malformed);
  CHECK(plain(nul + long_word + nul + "b") == Kind::malformed);
  CHECK(plain(nul + "a" + nul + long_word) == Kind::malformed);
  for (std::string_view const line : {"=", "*", "a", "====", "AGEAYg", "AGEAYg==\r", " AGEAYg==", "AGE AYg=="}) {
    CAPTURE(line);
    CHECK(kind_of("PLAIN", std::string{line}, {}) == (line == "*" ? Kind::cancelled : Kind::malformed));
    CHECK(kind_of("PLAIN", std::nullopt, {std::string{line}}) == (line == "*" ? Kind::cancelled : Kind::malformed));
  }
  CHECK(kind_of("PLAIN", std::nullopt, {std::string(SaslServer::longest_line + 4, 'A')}) == Kind::malformed);
}

TEST_CASE("LOGIN asks for both words") {
  Exchange exchange;
  exchange.authd.answers = {yes("alice"), yes("alice"), no(AuthAnswer::Reason::shut)};
  auto step = exchange.sasl.start("LOGIN", std::nullopt, soon());
  CHECK(step.text == "VXNlcm5hbWU6");
  step = exchange.sasl.next(base64("alice"), soon());
  CHECK(step.kind == Kind::challenge);
  CHECK(step.text == "UGFzc3dvcmQ6");
  CHECK(exchange.sasl.next(base64("secret"), soon()).kind == Kind::success);
  CHECK(exchange.authd.asked[0].login == "alice");
  CHECK(exchange.authd.asked[0].password == "secret");
  step = exchange.sasl.start("LOGIN", base64("alice"), soon());
  CHECK(step.text == "UGFzc3dvcmQ6");
  CHECK(exchange.sasl.next(base64("secret"), soon()).kind == Kind::success);
  exchange.sasl.start("LOGIN", base64("alice"), soon());
  CHECK(exchange.sasl.next("*", soon()).kind == Kind::cancelled);
  CHECK(exchange.sasl.next(base64("secret"), soon()).kind == Kind::malformed);
  exchange.sasl.start("LOGIN", base64("bob"), soon());
  step = exchange.sasl.next(base64("secret"), soon());
  CHECK(step.kind == Kind::shut);
  CHECK(step.login == "bob");
  CHECK(kind_of("LOGIN", std::nullopt, {base64("a"), base64(std::string("a\0b", 3))}) == Kind::malformed);
  CHECK(kind_of("LOGIN", std::nullopt, {base64(std::string(1025, 'a'))}) == Kind::malformed);
}

// RFC 7677 §3, and RFC 5802 §5 with the messages of SHA-1: what they hold is authd's business.
TEST_CASE("SCRAM as RFC 7677 and 5802 show it") {
  constexpr struct {
    std::string_view first, server_first, last, server_final;
  } examples[] = {
      {"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
       "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
       "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
       "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
      {"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
       "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="}};
  for (auto const& example : examples)
    for (bool const has_initial : {true, false}) {
      Exchange exchange;
      exchange.authd.answers = {challenge(std::string{example.server_first}),
                                yes("user", std::string{example.server_final}, "t")};
      std::string const first = base64(example.first);
      auto step =
          exchange.sasl.start("SCRAM-SHA-256", has_initial ? std::optional<std::string_view>{first} : std::nullopt, soon());
      if (!has_initial) {
        CHECK(step.kind == Kind::challenge);
        CHECK(step.text.empty());
        step = exchange.sasl.next(first, soon());
      }
      CHECK(step.kind == Kind::challenge);
      CHECK(step.text == base64(example.server_first));
      step = exchange.sasl.next(base64(example.last), soon());
      CHECK(step.kind == Kind::challenge);
      CHECK(step.text == base64(example.server_final));
      step = exchange.sasl.next("", soon());
      CHECK(step.kind == Kind::success);
      CHECK(step.login == "user");
      CHECK(step.ticket == "t");
      CHECK(exchange.authd.asked[0].mechanism == "SCRAM-SHA-256");
      CHECK(exchange.authd.asked[0].message == example.first);
      CHECK(exchange.authd.asked[1].message == example.last);
      CHECK(exchange.sasl.next("", soon()).kind == Kind::malformed);  // once
    }
}

TEST_CASE("SCRAM can be given up at every step, and ends with an empty line") {
  std::string const first = base64("n,,n=user,r=x"), last = base64("c=biws,r=x,p=x");
  CHECK(kind_of("SCRAM-SHA-256", std::nullopt, {"*"}) == Kind::cancelled);
  CHECK(kind_of("SCRAM-SHA-256", first, {"*"}) == Kind::cancelled);
  CHECK(kind_of("SCRAM-SHA-256", first, {last, "*"}) == Kind::cancelled);
  CHECK(kind_of("SCRAM-SHA-256", first, {last, base64("x")}) == Kind::malformed);
  CHECK(kind_of("SCRAM-SHA-256", first, {last, ""}) == Kind::success);
  CHECK(kind_of("SCRAM-SHA-256", "=", {}) == Kind::malformed);
  CHECK(kind_of("SCRAM-SHA-256", first, {""}) == Kind::malformed);
  CHECK(kind_of("SCRAM-SHA-256", base64(std::string(2049, 'a')), {}) == Kind::malformed);
}

TEST_CASE("what is offered is what can be used") {
  Answers authd;
  CHECK(SaslServer{authd, over_tls()}.mechanisms() == "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
  CHECK(SaslServer{authd, in_the_clear()}.mechanisms() == "SCRAM-SHA-256");
  CHECK(SaslServer{authd, {"pop3", "", true, {}, {}}}.mechanisms() == "SCRAM-SHA-256 PLAIN LOGIN");
  SaslServer clear{authd, in_the_clear()};
  CHECK(clear.start("PLAIN", "AGEAYg==", soon()).kind == Kind::too_weak);
  CHECK(clear.start("login", std::nullopt, soon()).kind == Kind::too_weak);
  CHECK(clear.start("SCRAM-SHA-256-PLUS", std::nullopt, soon()).kind == Kind::unknown);
  CHECK(clear.check("alice", "secret", soon()).kind == Kind::too_weak);
  CHECK(authd.asked.empty());
  for (std::string_view const name : {"", "CRAM-MD5", "SCRAM-SHA-1", "PLAIN ", "SCRAM-SHA-256-PLUS-PLUS", "XOAUTH2"})
    CHECK(SaslServer{authd, over_tls()}.start(name, std::nullopt, soon()).kind == Kind::unknown);
}

TEST_CASE("a login and a password as they were typed") {
  Exchange exchange;
  exchange.authd.answers = {yes("alice", "", "ticket"), no(AuthAnswer::Reason::service), no(AuthAnswer::Reason::later),
                            challenge("x")};
  auto const step = exchange.sasl.check("alice", "secret", soon());
  CHECK(step.kind == Kind::success);
  CHECK(step.ticket == "ticket");
  CHECK(exchange.sasl.check("alice", "secret", soon()).kind == Kind::shut);
  CHECK(exchange.sasl.check("alice", "secret", soon()).kind == Kind::later);
  CHECK(exchange.sasl.check("alice", "secret", soon()).kind == Kind::later);  // nonsense of authd
  CHECK(exchange.sasl.check("alice", "secret", soon()).kind == Kind::later);  // authd is away
  CHECK(exchange.sasl.check(std::string_view{"a\0b", 3}, "secret", soon()).kind == Kind::malformed);
  CHECK(exchange.sasl.check("a", std::string(1025, 'x'), soon()).kind == Kind::malformed);
}
