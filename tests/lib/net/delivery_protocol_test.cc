// Tests of lib/net/delivery_protocol: records come back as they were, and everything else is refused.
#include "lib/net/delivery_protocol.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

DeliveryKey some_key() { return {*QueueId::parse(Wire{"1j5q0g8v0abcdefgh0v"}), 4'294'967'295u}; }

// The body of a record whose head says its length.
std::string_view body_of(const std::string& record) {
  REQUIRE(record.size() > record_head);
  auto const length = record_length(Wire{std::string_view{record}.substr(0, record_head)});
  REQUIRE(length);
  REQUIRE(*length == record.size() - record_head);
  return std::string_view{record}.substr(record_head);
}

}  // namespace

TEST_CASE("requests and orders come back as they were") {
  LocalRequest const request{some_key(), "alice-list", "alice-list@here.example"};
  std::string const request_record = request.encoded();
  auto const parsed = LocalRequest::parse(Wire{body_of(request_record)});
  REQUIRE(parsed);
  CHECK(parsed->key == request.key);
  CHECK(parsed->name == request.name);
  CHECK(parsed->recipient == request.recipient);

  LocalOrder const order{some_key(), "\"a b\"@here.example", "-", "list"};
  std::string const order_record = order.encoded();
  auto const order_parsed = LocalOrder::parse(Wire{body_of(order_record)});
  REQUIRE(order_parsed);
  CHECK(order_parsed->key == order.key);
  CHECK(order_parsed->recipient == order.recipient);
  CHECK(order_parsed->dash == order.dash);
  CHECK(order_parsed->extension == order.extension);
}

TEST_CASE("reports come back, with their text cut and cleaned") {
  struct {
    Outcome outcome;
    std::string text;
    std::string parsed;
  } const cases[] = {
      {Outcome::delivered, "2.0.0 delivered", "2.0.0 delivered"},
      {Outcome::deferred, "4.2.1 a\nb\0c", "4.2.1 a?b"},
      {Outcome::failed, "", ""},
      {Outcome::failed, std::string(report_text_most, 'x'), std::string(report_text_most, 'x')},
      {Outcome::failed, std::string(report_text_most + 1, 'x'), std::string(report_text_most, 'x')},
      {Outcome::relayed, "2.0.0 relayed", "2.0.0 relayed"},
      {Outcome::passed, "2.0.0 passed", "2.0.0 passed"},
      {Outcome::running, "not sent", ""},
  };
  for (auto const& [outcome, text, expected] : cases) {
    std::string const record = DeliveryReport{outcome, some_key(), text}.encoded();
    auto const report = DeliveryReport::parse(Wire{body_of(record)});
    REQUIRE(report);
    CHECK(report->outcome == outcome);
    CHECK(report->key == some_key());
    CHECK(report->text == expected);
  }
  std::string const ready = ready_record();
  CHECK(DeliveryReport::parse(Wire{body_of(ready)})->outcome == Outcome::ready);
  std::string const forget = forget_record(some_key());
  CHECK(*parse_forget(Wire{body_of(forget)}) == some_key());
}

TEST_CASE("requests to a remote come back as they were") {
  RemoteRequest request{some_key().id, *Destination::parse(Wire{"relay.example:587 alice"}), {}};
  for (std::uint32_t i = 0; i < transaction_recipients_most; ++i) request.recipients.push_back(4'294'967'000u + i);
  std::string const record = request.encoded();
  auto const back = RemoteRequest::parse(Wire{body_of(record)});
  REQUIRE(back);
  CHECK(back->id == request.id);
  CHECK(back->destination == request.destination);
  CHECK(back->recipients == request.recipients);

  std::string_view const bad[] = {
      "",
      "T",
      "T19:1j5q0g8v0abcdefgh0v,11:example.org,",
      "T19:1j5q0g8v0abcdefgh0v,11:example.org,1:1,1:1,",
      "T19:1j5q0g8v0abcdefgh0v,11:example.org,1:2,1:1,",
      "T19:1j5q0g8v0abcdefgh0v,11:example.org,1:x,",
      "T19:1j5q0g8v0abcdefgh0v,11:example.org,1:1,x",
      "T19:1j5q0g8v0abcdefgh0v,11:example org,1:1,",
      "T19:1j5q0g8v0abcdefgh0v,0:,1:1,",
      "T18:1j5q0g8v0abcdefgh0,11:example.org,1:1,",
      "L19:1j5q0g8v0abcdefgh0v,11:example.org,1:1,",
  };
  for (std::string_view const body : bad) {
    CAPTURE(std::string{body});
    CHECK_FALSE(RemoteRequest::parse(Wire{body}));
  }
  request.recipients.push_back(4'294'967'200u);
  std::string const more = request.encoded();
  CHECK_FALSE(RemoteRequest::parse(Wire{body_of(more)}));
}

TEST_CASE("a deferral says whose trouble it is") {
  for (auto const blame : {Blame::message, Blame::destination}) {
    std::string const record = DeliveryReport{Outcome::deferred, some_key(), "4.0.0", blame}.encoded();
    CHECK(DeliveryReport::parse(Wire{body_of(record)})->blame == blame);
  }
  CHECK_FALSE(DeliveryReport::parse(Wire{"Z19:1j5q0g8v0abcdefgh0v,1:0,5:4.0.0,"}));
  CHECK_FALSE(DeliveryReport::parse(Wire{"Z19:1j5q0g8v0abcdefgh0v,1:0,5:4.0.0,1:x,"}));
  CHECK_FALSE(DeliveryReport::parse(Wire{"K19:1j5q0g8v0abcdefgh0v,1:0,5:2.0.0,1:m,"}));
}

TEST_CASE("a record cut anywhere, or longer, is refused") {
  std::string const records[] = {LocalRequest{some_key(), "n", "r"}.encoded(),
                                 LocalOrder{some_key(), "r", "-", "e"}.encoded(),
                                 DeliveryReport{Outcome::failed, some_key(), "5.1.1 no"}.encoded(),
                                 DeliveryReport{Outcome::running, some_key(), ""}.encoded(),
                                 ready_record(),
                                 forget_record(some_key())};
  auto const is_taken = [](std::string_view body) {
    return LocalRequest::parse(Wire{body}).has_value() || LocalOrder::parse(Wire{body}).has_value() ||
           DeliveryReport::parse(Wire{body}).has_value() || parse_forget(Wire{body}).has_value();
  };
  for (const std::string& record : records) {
    std::string_view const body = body_of(record);
    CHECK(is_taken(body));
    for (std::size_t length = 0; length < body.size(); ++length) CHECK_FALSE(is_taken(body.substr(0, length)));
    CHECK_FALSE(is_taken(std::string{body} + "x"));
    CHECK_FALSE(is_taken(std::string{body} + "0:,"));
  }
}

TEST_CASE("fields hold no NUL and no LF, keys are keys") {
  std::string const key = "19:1j5q0g8v0abcdefgh0v,1:0,";
  struct {
    std::string text;
    bool good;
  } const cases[] = {
      {"L" + key + "1:n,1:r,", true},
      {"L" + key + "1:\n,1:r,", false},
      {"L" + key + "1:n,1:\n,", false},
      {"L" + key + std::string("1:\0,1:r,", 8), false},
      {"L19:1j5q0g8v0abcdefgh0z,1:0,1:n,1:r,", false},
      {"L19:1j5q0g8v0abcdefgh0v,10:4294967296,1:n,1:r,", false},
      {"L19:1j5q0g8v0abcdefgh0v,1:x,1:n,1:r,", false},
      {"O" + key + "1:n,1:r,", false},
      {"", false},
      {"L", false},
  };
  for (auto const& [text, good] : cases) {
    INFO(text);
    CHECK(LocalRequest::parse(Wire{text}).has_value() == good);
  }
  std::string const long_report = "D" + key + "513:" + std::string(513, 'x') + ",";
  CHECK_FALSE(DeliveryReport::parse(Wire{long_report}));
}

TEST_CASE("a head says a length within bounds") {
  auto const length = [](std::string_view head) { return record_length(Wire{head}); };
  CHECK(*length(std::string_view{"\0\0\0\1", 4}) == 1);
  CHECK(*length(std::string_view{"\0\0\x10\0", 4}) == record_most);
  CHECK_FALSE(length(std::string_view{"\0\0\x10\1", 4}));
  CHECK_FALSE(length(std::string_view{"\0\0\0\0", 4}));
  CHECK_FALSE(length("\xff\xff\xff\xff"));
  CHECK_FALSE(length(std::string_view{"\0\0\1", 3}));
  CHECK_FALSE(length(std::string_view{"\0\0\0\1x", 5}));
}
