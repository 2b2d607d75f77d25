#include "lib/net/bounce_protocol.h"

#include <catch2/catch.hpp>

#include "lib/net/delivery_protocol.h"

using namespace postern;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});

std::string body_of(const std::string& record) {
  auto const length = bounce_record_length(Wire{std::string_view{record}.substr(0, record_head)});
  REQUIRE(length);
  REQUIRE(record.size() == record_head + *length);
  return record.substr(record_head);
}

}  // namespace

TEST_CASE("requests to bounce are written and read back") {
  BounceRequest request{id,
                        {{0, Action::failed, 1763805600, 0, "5.1.1 no mailbox here by that name"},
                         {49'999, Action::relayed, 0, 0, "2.0.0 relayed"},
                         {3, Action::delayed, 1763805600, 1764237600, ""}}};
  std::string const body = body_of(request.encoded());
  auto const back = BounceRequest::parse(Wire{body});
  REQUIRE(back);
  CHECK(back->id == id);
  REQUIRE(back->recipients.size() == 3);
  CHECK(back->recipients[0].index == 0);
  CHECK(back->recipients[0].action == Action::failed);
  CHECK(back->recipients[0].text == "5.1.1 no mailbox here by that name");
  CHECK(back->recipients[1].index == 49'999);
  CHECK(back->recipients[1].action == Action::relayed);
  CHECK(back->recipients[2].action == Action::delayed);
  CHECK(back->recipients[2].text.empty());
  CHECK(back->recipients[0].tried == 1763805600);
  CHECK(back->recipients[0].until == 0);
  CHECK(back->recipients[2].until == 1764237600);
}

TEST_CASE("as many recipients as a request may have, with the longest texts, fit in a record") {
  BounceRequest request{id, {}};
  for (std::uint32_t i = 0; i < bounce_recipients_most; ++i)
    request.recipients.push_back({0xffffffffu, Action::failed, 0, 0, std::string(1000, '\n')});
  std::string const body = body_of(request.encoded());
  auto const back = BounceRequest::parse(Wire{body});
  REQUIRE(back);
  CHECK(back->recipients.size() == bounce_recipients_most);
  CHECK(back->recipients[0].text == std::string(report_text_most, '?'));
  request.recipients.push_back({0, Action::failed, 0, 0, ""});
  std::string const more = body_of(request.encoded());
  CHECK_FALSE(BounceRequest::parse(Wire{more}));
}

TEST_CASE("answers of bounce are written and read back") {
  for (auto const kind : {BounceAnswer::Kind::sent, BounceAnswer::Kind::none, BounceAnswer::Kind::later}) {
    std::string const body = body_of(BounceAnswer{kind, id, "why"}.encoded());
    auto const back = BounceAnswer::parse(Wire{body});
    REQUIRE(back);
    CHECK(back->kind == kind);
    CHECK(back->id == id);
    CHECK(back->text == "why");
  }
}

TEST_CASE("what is not a request or an answer is refused") {
  std::string_view const bad[] = {
      "",
      "B",
      "B19:1j0r1kbl9t2cc42n9mq,",
      "X19:1j0r1kbl9t2cc42n9mq,1:0,1:D,1:0,1:0,0:,",
      "B18:1j0r1kbl9t2cc42n9m,1:0,1:D,1:0,1:0,0:,",
      "B19:1j0r1kbl9t2cc42n9mq,1:x,1:D,1:0,1:0,0:,",
      "B19:1j0r1kbl9t2cc42n9mq,1:0,1:P,1:0,1:0,0:,",
      "B19:1j0r1kbl9t2cc42n9mq,1:0,1:D,1:0,1:0,",
      "B19:1j0r1kbl9t2cc42n9mq,1:0,1:D,1:0,1:0,1:\n,",
      "B19:1j0r1kbl9t2cc42n9mq,1:0,1:D,1:x,1:0,0:,",
      "B19:1j0r1kbl9t2cc42n9mq,1:0,1:D,1:0,1:-,0:,",
      "Y19:1j0r1kbl9t2cc42n9mq,0:,x",
      "Y",
      "Q19:1j0r1kbl9t2cc42n9mq,0:,",
  };
  for (std::string_view const body : bad) {
    CAPTURE(std::string{body});
    CHECK_FALSE(BounceRequest::parse(Wire{body}));
    CHECK_FALSE(BounceAnswer::parse(Wire{body}));
  }
  CHECK_FALSE(bounce_record_length(Wire{std::string_view{"\0\0\0\0", 4}}));
  CHECK_FALSE(bounce_record_length(Wire{std::string_view{"\0\x10\0\1", 4}}));
  CHECK(*bounce_record_length(Wire{std::string_view{"\0\x10\0\0", 4}}) == bounce_record_most);
}
