// What authd is asked and answers is written and read back, and nothing else is read.
#include "lib/net/auth_protocol.h"

#include <catch2/catch.hpp>

#include "lib/net/record.h"

using namespace postern;

namespace {

std::string_view body_of(const std::string& record) { return std::string_view{record}.substr(record_head); }

AuthContext context() { return {"submission", "2001:db8::1", true, std::string(32, '\0'), std::string(32, '\xff')}; }

template <class T>
void check_back(const T& value) {
  std::string const record = value.encoded();
  CHECK(record_body_length(Wire{std::string_view{record}.substr(0, record_head)}, auth_record_most));
  auto const back = T::parse(Wire{body_of(record)});
  REQUIRE(back);
  CHECK(*back == value);
  for (std::size_t length = 0; length < record.size() - record_head; ++length)
    CHECK_FALSE(T::parse(Wire{body_of(record).substr(0, length)}));
  std::string const longer = std::string{body_of(record)} + "0:,";
  CHECK_FALSE(T::parse(Wire{longer}));
}

}  // namespace

TEST_CASE("questions to authd are written and read back") {
  AuthRequest request;
  request.context = context();
  request.login = std::string(auth_word_most, 'a');
  request.password = std::string(auth_word_most, '\xfe');
  check_back(request);
  request.context = {"pop3", "", false, "", ""};
  request.login = "";
  request.password = "";
  check_back(request);
  request = {};
  request.kind = AuthRequest::Kind::first;
  request.context = context();
  request.mechanism = "SCRAM-SHA-256-PLUS";
  request.message = "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO";
  check_back(request);
  request = {};
  request.kind = AuthRequest::Kind::last;
  request.message = std::string(auth_message_most, 'c');
  check_back(request);
}

TEST_CASE("what is no question is refused") {
  std::string const long_word = "P4:pop3,0:,0:,0:,0:,1025:" + std::string(1025, 'a') + ",1:b,";
  std::string const long_message = "L2049:" + std::string(2049, 'a') + ",";
  std::string const nul = std::string{"P4:pop3,0:,0:,0:,0:,1:"} + '\0' + ",1:b,";
  std::string_view const bad[] = {"",
                                  "Z",
                                  "P",
                                  "L",
                                  "p4:pop3,0:,0:,0:,0:,1:a,1:b,",
                                  "P0:,0:,0:,0:,0:,1:a,1:b,",
                                  "P4:po 3,0:,0:,0:,0:,1:a,1:b,",
                                  "P4:pop3,2:a\n,0:,0:,0:,1:a,1:b,",
                                  "P4:pop3,0:,1:q,0:,0:,1:a,1:b,",
                                  "P33:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,0:,0:,0:,0:,1:a,1:b,",
                                  "P4:pop3,0:,0:,0:,0:,1:a,",
                                  "F4:pop3,0:,0:,0:,0:,0:,1:b,",
                                  long_word,
                                  long_message,
                                  nul};
  for (std::string_view const text : bad) {
    CAPTURE(text);
    CHECK_FALSE(AuthRequest::parse(Wire{text}));
  }
}

TEST_CASE("answers of authd are written and read back") {
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::challenge;
  answer.message = "r=abc,s=QSXCR+Q6sek8bf92,i=4096";
  check_back(answer);
  answer = {AuthAnswer::Kind::yes, "alice", "", ""};
  check_back(answer);
  answer = {AuthAnswer::Kind::yes, "info@example.org", "0123456789abcdef0123456789abcdef",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};
  check_back(answer);
  for (char const reason : std::string_view{"bdsl"}) {
    answer = {};
    answer.reason = static_cast<AuthAnswer::Reason>(reason);
    answer.message = "wrong";
    check_back(answer);
  }
  for (std::string_view const text :
       {"", "C", "Y5:alice,1:a,0:,", "Y0:,0:,0:,", "Y5:alice,32:0123456789ABCDEF0123456789ABCDEF,0:,", "N1:x,0:,", "N2:bb,0:,",
        "N0:,0:,", "N1:b,1:\n,", "C1:a,0:,"}) {
    CAPTURE(text);
    CHECK_FALSE(AuthAnswer::parse(Wire{text}));
  }
}

TEST_CASE("tickets are asked for and redeemed in these words") {
  check_back(TicketRequest{"pop3", "00000000000000000000000000000000"});
  for (std::string_view const text :
       {"", "R", "R4:pop3,0:,", "R4:pop3,31:0000000000000000000000000000000,", "R0:,32:00000000000000000000000000000000,",
        "R4:pop3,32:0000000000000000000000000000000G,"}) {
    CAPTURE(text);
    CHECK_FALSE(TicketRequest::parse(Wire{text}));
  }
  check_back(TicketAnswer{true, "alice", 1000, 1000, "/home/alice", ""});
  check_back(TicketAnswer{false, "", 0, 0, "", "no such ticket"});
  for (std::string_view const text :
       {"Y1:a,1:0,1:1,2:/h,", "Y1:a,1:1,1:0,2:/h,", "Y1:a,1:1,1:1,1:h,", "Y1:a,10:4294967295,1:1,2:/h,", "Y1:a,2:-1,1:1,2:/h,",
        "Y0:,1:1,1:1,2:/h,", "Y1:a,1:1,1:1,3:/h\n,", "N1:\n,", "N", "Z0:,"}) {
    CAPTURE(text);
    CHECK_FALSE(TicketAnswer::parse(Wire{text}));
  }
}
