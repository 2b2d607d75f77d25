#include "lib/mail/delivery_state.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("state lines are written and read back") {
  StateLine const lines[] = {
      {StateWord::delivered, 0, 1795300000, 0, 0, "2.0.0 delivered to Maildir"},
      {StateWord::deferred, 49'999, 1795300000, 3, 1795300675, "4.2.2 over quota: a=b \"c\" \\d"},
      {StateWord::failed, 7, 0, 0, 0, ""},
      {StateWord::bounced, 4'294'967'295u, 1, 0, 0, "1j0r1kbl9t2cc42n9mq"},
      {StateWord::relayed, 1, 2, 0, 0, "2.0.0 mx.example.org[192.0.2.1] said: 250 ok"},
      {StateWord::passed, 2, 3, 0, 0, "2.0.0"},
      {StateWord::delayed, 3, 4, 0, 0, "1j0r1kbl9t2cc42n9mq"},
      {StateWord::held, 4'294'967'295u, 5, 0, 0, ""},
      {StateWord::released, 0, 6, 0, 0, ""},
      {StateWord::deleted, 1000, 7, 0, 0, ""},
  };
  for (const StateLine& line : lines) {
    std::string const text = line.encoded();
    REQUIRE(text.back() == '\n');
    auto const back = StateLine::parse(Wire{std::string_view{text}.substr(0, text.size() - 1)});
    REQUIRE(back);
    CHECK(back->word == line.word);
    CHECK(back->recipient == line.recipient);
    CHECK(back->time == line.time);
    CHECK(back->tries == line.tries);
    CHECK(back->next == line.next);
    CHECK(back->text == line.text);
  }
  CHECK(lines[1].encoded() ==
        "deferred 49999 1795300000 3 1795300675 4.2.2\\x20over\\x20quota:\\x20a\\x3db\\x20\\x22c\\x22\\x20\\x5cd\n");
  CHECK(lines[2].encoded() == "failed 7 0 -\n");
}

TEST_CASE("every byte survives a state line, and long texts are cut") {
  std::string text;
  for (int c = 0; c < 256; ++c) text += static_cast<char>(c);
  std::string line = StateLine{StateWord::failed, 0, 5, 0, 0, text}.encoded();
  CHECK(line.find('\n') == line.size() - 1);
  line.pop_back();
  auto const back = StateLine::parse(Wire{line});
  REQUIRE(back);
  CHECK(back->text == text);

  line = StateLine{StateWord::failed, 0, 5, 0, 0, std::string(state_text_most + 100, ' ')}.encoded();
  line.pop_back();
  auto const cut = StateLine::parse(Wire{line});
  REQUIRE(cut);
  CHECK(cut->text == std::string(state_text_most, ' '));
}

TEST_CASE("what is not a state line is refused") {
  std::string_view const bad[] = {
      "",
      "delivered",
      "delivered 0",
      "delivered 0 1",
      "delivered 0 1 ",
      "gone 0 1 x",
      "delivered -1 1 x",
      "delivered 4294967296 1 x",
      "delivered 0 x x",
      "deferred 0 1 2 x",
      "deferred 0 1 2 3",
      "failed 0 1 a b",
      "failed 0 1 a\\x2",
      "failed 0 1 \\y20",
      "failed 0 1 a=b",
      "failed 0 1 a\tb",
      " failed 0 1 x",
      "failed  0 1 x",
      "FAILED 0 1 x",
      "failed 00000000000000000000000000000001x 1 x",
  };
  for (std::string_view const line : bad) {
    CAPTURE(std::string{line});
    CHECK_FALSE(StateLine::parse(Wire{line}));
  }
}

TEST_CASE("the last line of a recipient counts, and a torn one is nothing") {
  std::string_view const whole =
      "deferred 1 100 1 400 4.2.2\\x20full\n"
      "delivered 0 101 -\n"
      "deferred 1 400 2 850 4.2.2\\x20full\n"
      "failed 2 401 5.1.1\n"
      "bounced 2 402 1j0r1kbl9t2cc42n9mq\n";
  for (std::string_view const torn : {"", "f", "failed 1 900 x", "rubbish that goes on"}) {
    std::string const text = std::string{whole} + std::string{torn};
    auto const state = DeliveryState::parse(Wire{text});
    REQUIRE(state);
    CHECK(state->whole_length == whole.size());
    REQUIRE(state->recipients.size() == 3);
    CHECK(state->recipients.at(0).word == StateWord::delivered);
    CHECK(state->recipients.at(1).word == StateWord::deferred);
    CHECK(state->recipients.at(1).tries == 2);
    CHECK(state->recipients.at(1).next == 850);
    CHECK(state->recipients.at(2).word == StateWord::failed);
    CHECK(state->recipients.at(2).is_bounced);
    CHECK_FALSE(state->recipients.at(1).is_bounced);
  }
  CHECK_FALSE(DeliveryState::parse(Wire{std::string_view{"bounced 0 1 x\n"}}));
  CHECK_FALSE(DeliveryState::parse(Wire{std::string_view{"delayed 0 1 x\n"}}));
  CHECK_FALSE(DeliveryState::parse(Wire{std::string_view{"rubbish\n"}}));
  CHECK(DeliveryState::parse(Wire{std::string_view{}})->recipients.empty());
}

TEST_CASE("that the sender was told of a delay is known after the next try as well") {
  auto const state = DeliveryState::parse(Wire{std::string_view{
      "deferred 0 100 1 400 -\ndelayed 0 101 1j0r1kbl9t2cc42n9mq\ndeferred 0 400 2 850 -\ndeferred 1 1 1 2 -\n"}});
  REQUIRE(state);
  CHECK(state->recipients.at(0).is_delay_told);
  CHECK(state->recipients.at(0).word == StateWord::deferred);
  CHECK(state->recipients.at(0).tries == 2);
  CHECK_FALSE(state->recipients.at(1).is_delay_told);
}

TEST_CASE("what an operator said of a message: the last word counts, and deleted is for good") {
  struct Case {
    std::string_view file;
    std::optional<StateWord> mark;
    std::uint32_t uid;
  };
  Case const cases[] = {
      {"held 1000 5 -\n", StateWord::held, 1000},
      {"held 1000 5 -\nreleased 0 6 -\n", std::nullopt, 0},
      {"held 1000 5 -\nreleased 0 6 -\nheld 7 8 -\n", StateWord::held, 7},
      {"deleted 3 5 -\nreleased 0 6 -\nheld 7 8 -\n", StateWord::deleted, 3},
      {"released 3 5 -\n", std::nullopt, 0},
      {"held 1000 5 -\nreleased 0 6", StateWord::held, 1000},  // torn
      {"failed 0 5 x\nheld 0 5 -\nbounced 0 6 x\n", StateWord::held, 0},
  };
  for (auto const& [file, mark, uid] : cases) {
    auto const state = DeliveryState::parse(Wire{file});
    REQUIRE(state);
    REQUIRE(state->mark.has_value() == mark.has_value());
    if (mark) CHECK(state->mark->word == *mark);
    if (mark) CHECK(state->mark->uid == uid);
    CHECK(state->recipients.contains(0) == (file.starts_with("failed")));
  }
}
