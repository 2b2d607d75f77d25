// Tests of lib/mail/queue_id: one spelling, sorted by time.
#include "lib/mail/queue_id.h"

#include <catch2/catch.hpp>
#include <set>

#include "lib/core/base32.h"

using namespace postern;

TEST_CASE("queue ids have one spelling") {
  constexpr struct {
    std::string_view text;
    bool good;
  } cases[] = {
      {"0000000000000000000", true},
      {"vvvvvvvvvvvvvvvvvvv", true},  // first and last
      {"", false},
      {"000000000000000000", false},  // one digit short
      {"00000000000000000000", false},
      {"w000000000000000000", false},  // one too many; past v
      {"V000000000000000000", false},
      {"000000000000000000\n", false},
      {"../../../../passwd0", false},
      {"000000000 000000000", false},
      {"\0000000000000000000", false},
      {"000000000000000000/", false},
  };
  for (auto const& [text, good] : cases) {
    INFO(text);
    auto const id = QueueId::parse(Wire{text});
    CHECK(id.has_value() == good);
    if (id) CHECK(id->text() == text);
    if (id) CHECK(id->view() == text);
  }
  for (int number = 0; number < 256; ++number)
    for (std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{18}}) {
      std::string text = "0000000000000000000";
      text[at] = static_cast<char>(number);
      CHECK(QueueId::parse(Wire{text}).has_value() == is_base32_digit(text[at]));
    }
}

TEST_CASE("fresh ids know their time and sort by it") {
  WallTime const now{Microseconds{1'795'330'937'123'456}};
  auto const first = *QueueId::fresh(now), second = *QueueId::fresh(now + Microseconds{1});
  CHECK(first.created() == now);
  CHECK(second.created() == now + Microseconds{1});
  CHECK(first < second);
  CHECK(first.text() < second.text());
  CHECK(first.directory() == first.text().substr(17));
  CHECK(*QueueId::parse(Wire{first.view()}) == first);
}

TEST_CASE("ids of one moment differ and spread over the directories") {
  std::set<std::string> ids, directories;
  for (int i = 0; i < 20'000; ++i) {
    auto const id = *QueueId::fresh(WallTime{Microseconds{5}});
    ids.insert(id.text());
    directories.insert(id.directory());
  }
  CHECK(ids.size() == 20'000);
  CHECK(directories.size() == QueueId::directories);
}

TEST_CASE("directory names are those that ids lie in") {
  std::set<std::string> names;
  for (unsigned number = 0; number < QueueId::directories; ++number) names.insert(QueueId::directory_name(number));
  CHECK(names.size() == QueueId::directories);
  CHECK(*names.begin() == "00");
  CHECK(*names.rbegin() == "vv");
  CHECK(names.contains(QueueId::fresh(wall_now())->directory()));
}
