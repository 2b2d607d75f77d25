// Tests of lib/net/checker_protocol: questions and answers come back as they were; what no checker may be given is refused.
#include "lib/net/checker_protocol.h"

#include <catch2/catch.hpp>

#include "lib/net/record.h"

using namespace postern;

namespace {

std::string_view body_of(const std::string& record) {
  REQUIRE(record.size() > record_head);
  return std::string_view{record}.substr(record_head);
}

}  // namespace

TEST_CASE("questions for checkers come back") {
  CheckQuestion const questions[] = {
      {1, "alice", "secret", "pop3", "192.0.2.1", 1000},
      {0xffffffff, std::string(1024, '\xff'), std::string(1024, '\n'), "", "", 0xffffffff},
      {0, "", "", "submission", "2001:db8::1", 1},
  };
  for (const CheckQuestion& question : questions) {
    std::string const record = question.encoded();
    CHECK(record.size() <= record_head + check_record_most);
    auto const parsed = CheckQuestion::parse(Wire{body_of(record)});
    REQUIRE(parsed);
    CHECK(*parsed == question);
  }
}

TEST_CASE("questions for checkers that are refused") {
  CheckQuestion const questions[] = {{1, std::string("a\0b", 3), "x", "pop3", "", 1},
                                     {1, "a", std::string("\0", 1), "pop3", "", 1},
                                     {1, std::string(1025, 'a'), "x", "", "", 1},
                                     {1, "a", std::string(1025, 'a'), "", "", 1},
                                     {1, "a", "b", "po\np3", "", 1},
                                     {1, "a", "b", std::string(65, 's'), "", 1},
                                     {1, "a", "b", "", std::string(65, 's'), 1},
                                     {1, "a", "b", "", "", 0}};
  for (const CheckQuestion& question : questions) {
    std::string const record = question.encoded();
    CHECK_FALSE(CheckQuestion::parse(Wire{body_of(record)}));
  }
  for (std::string_view const body : {"", "C", "D1:1,1:a,1:b,0:,0:,1:1,", "C1:1,1:a,1:b,0:,0:,1:1,x", "C2:01,1:a,1:b,0:,0:,1:1,",
                                      "C1:1,1:a,1:b,0:,0:,", "C10:4294967296,1:a,1:b,0:,0:,1:1,"})
    CHECK_FALSE(CheckQuestion::parse(Wire{body}));
}

TEST_CASE("answers of checkers come back") {
  CheckAnswer const answers[] = {{CheckAnswer::Kind::yes, 7, "info@example.org", ""},
                                 {CheckAnswer::Kind::no, 0, "", ""},
                                 {CheckAnswer::Kind::later, 0xffffffff, "", "it did not end in time"}};
  for (const CheckAnswer& answer : answers) {
    std::string const record = answer.encoded();
    auto const parsed = CheckAnswer::parse(Wire{body_of(record)});
    REQUIRE(parsed);
    CHECK(*parsed == answer);
  }
  for (std::string_view const body :
       {"", "Y1:1,", "Y1:1,0:,", "Y1:1,7:../etc/,", "Y1:1,5:Alice,", "N1:1,1:x,", "T1:1,", "X1:1,", "T1:1,2:\n\n,"})
    CHECK_FALSE(CheckAnswer::parse(Wire{body}));
}
