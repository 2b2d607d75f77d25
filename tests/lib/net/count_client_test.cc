// Tests of lib/net/count_client: records of countd come back as they were; bounds that do not hold are refused.
#include "lib/net/count_client.h"

#include <catch2/catch.hpp>

#include "lib/net/record.h"

using namespace postern;

namespace {

std::string_view body_of(const std::string& record) {
  REQUIRE(record.size() > record_head);
  return std::string_view{record}.substr(record_head);
}

}  // namespace

TEST_CASE("requests to countd come back") {
  CountRequest const requests[] = {
      {CountRequest::Kind::take, "mail:alice", 1, {0, 100, 1000}},
      {CountRequest::Kind::take, std::string(count_key_most, '\0'), count_most, {count_most, count_most, count_most}},
      {CountRequest::Kind::give_back, "x", 0, {}},
      {CountRequest::Kind::query, "\r\n", 0, {}},
  };
  for (const CountRequest& request : requests) {
    std::string const record = request.encoded();
    CHECK(record.size() <= record_head + count_record_most);
    auto const parsed = CountRequest::parse(Wire{body_of(record)});
    REQUIRE(parsed);
    CHECK(*parsed == request);
  }
}

TEST_CASE("requests that countd refuses") {
  std::string const long_key = "Q513:" + std::string(513, 'k') + ",";
  for (std::string_view const body :
       {"", "X1:a,", "Q", "Q0:,", "Q1:a,x", "Q1:a,1:1,", "T1:a,", "T1:a,1:1,1:0,1:0,", "T1:a,1:1,1:0,1:0,1:0,1:0,",
        "T1:a,2:01,1:0,1:0,1:0,", "T1:a,2:-1,1:0,1:0,1:0,", "T1:a,0:,1:0,1:0,1:0,", "T1:a,10:1000000001,1:0,1:0,1:0,", "G1:a,",
        "G1:a,1:1,1:1,", "q1:a,"})
    CHECK_FALSE(CountRequest::parse(Wire{body}));
  CHECK_FALSE(CountRequest::parse(Wire{long_key}));
}

TEST_CASE("answers of countd come back") {
  Counted const answers[] = {{true, false, 0, 0, 0}, {false, true, 1, 2, 3}, {false, false, 0xffffffff, 0xffffffffffff, ~0ull}};
  for (const Counted& answer : answers) {
    std::string const record = answer.encoded();
    std::string_view const body = body_of(record);
    auto const parsed = Counted::parse(Wire{body});
    REQUIRE(parsed);
    CHECK(*parsed == answer);
  }
  for (std::string_view const body : {"", "Y", "Z1:0,1:0,1:0,0:,", "Y1:0,1:0,1:0,", "Y1:0,1:0,1:0,1:f,", "N1:0,1:0,1:0,1:x,",
                                      "N1:0,1:0,1:0,1:f,x", "Y2:00,1:0,1:0,0:,", "Y20:18446744073709551616,1:0,1:0,0:,"})
    CHECK_FALSE(Counted::parse(Wire{body}));
}
