// What an operator's tool asks and is told is written and read back, and nothing else is read.
#include "lib/net/desk_protocol.h"

#include <catch2/catch.hpp>

#include "lib/net/record.h"

using namespace postern;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});

std::string_view body_of(const std::string& record) { return std::string_view{record}.substr(record_head); }

}  // namespace

TEST_CASE("a request says which messages, and comes back") {
  DeskRequest request{DeskVerb::remove, {}, "word"};
  request.selection = {true, {id, id}, "<>", "you@here.example", ".example", Seconds{3600}, Seconds{0}};
  std::string const text = request.encoded();
  auto const back = DeskRequest::parse(Wire{body_of(text)});
  REQUIRE(back);
  CHECK(back->verb == DeskVerb::remove);
  CHECK(back->word == "word");
  CHECK(back->selection.is_all);
  CHECK(back->selection.ids == request.selection.ids);
  CHECK(back->selection.sender == request.selection.sender);
  CHECK(back->selection.recipient == request.selection.recipient);
  CHECK(back->selection.domain == request.selection.domain);
  CHECK(back->selection.older == request.selection.older);
  CHECK(back->selection.younger == request.selection.younger);
  CHECK(back->encoded() == text);
  for (char const verb : std::string_view{"LCSWVHRDFPUQ"}) {
    auto const one = DeskRequest::parse(Wire{std::string_view{&verb, 1}});
    REQUIRE(one);
    CHECK(static_cast<char>(one->verb) == verb);
    CHECK(one->selection.is_empty());
  }
}

TEST_CASE("a request of many IDs fits into a record, one of more is none") {
  DeskRequest request{DeskVerb::list, {}, {}};
  request.selection.ids.assign(desk_ids_most, id);
  std::string text = request.encoded();
  CHECK(desk_record_length(Wire{std::string_view{text}.substr(0, record_head)}));
  CHECK(DeskRequest::parse(Wire{body_of(text)}));
  request.selection.ids.push_back(id);
  text = request.encoded();
  CHECK_FALSE(DeskRequest::parse(Wire{body_of(text)}));
}

TEST_CASE("what is not a request is refused") {
  std::string const long_part = "L" + std::to_string(desk_word_most + 1) + ":s" + std::string(desk_word_most, 'x') + ",";
  std::string_view const bad[] = {"",       "Z",     "L0:,",    "L1:x,",   "L1:a,1:a,",
                                  "L2:ax,", "L1:i,", "L2:s\n,", "L2:o-,",  "L2:sa,2:sb,",
                                  "L1:a,x", "L1:a",  "L3:o1 ,", long_part, "L14:o9999999999999,"};
  for (std::string_view const text : bad) {
    CAPTURE(text);
    CHECK_FALSE(DeskRequest::parse(Wire{text}));
  }
}

TEST_CASE("an answer has as many texts and numbers as its kind, and any bytes in its texts") {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  DeskAnswer const answers[] = {
      {DeskAnswer::Kind::message, {"a", "", every, "d", "e"}, {0, 1, 2, ~0ull}},
      {DeskAnswer::Kind::recipient, {"a", "b", every}, {1, 2, 3, 4, 5}},
      {DeskAnswer::Kind::field, {every, ""}, {}},
      {DeskAnswer::Kind::header, {every}, {}},
      {DeskAnswer::Kind::body, {std::string(desk_piece, '\0')}, {}},
      {DeskAnswer::Kind::outcome, {"a", "b", "c", every}, {7, 8}},
      {DeskAnswer::Kind::pause, {every}, {1, 2}},
      {DeskAnswer::Kind::finding, {"", every}, {}},
      {DeskAnswer::Kind::end, {}, {3, 4}},
      {DeskAnswer::Kind::error, {every}, {1}},
  };
  for (const DeskAnswer& answer : answers) {
    std::string const text = answer.encoded();
    CHECK(desk_record_length(Wire{std::string_view{text}.substr(0, record_head)}));
    auto const back = DeskAnswer::parse(Wire{body_of(text)});
    REQUIRE(back);
    CHECK(back->kind == answer.kind);
    CHECK(back->texts == answer.texts);
    CHECK(back->numbers == answer.numbers);
    for (std::size_t cut = 0; cut + record_head < text.size() && cut < 400; ++cut)
      CHECK_FALSE(DeskAnswer::parse(Wire{body_of(text).substr(0, cut)}));
    std::string const more = text + "0:,";
    CHECK_FALSE(DeskAnswer::parse(Wire{body_of(more)}));
  }
}
