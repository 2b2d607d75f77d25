#include "lib/net/clean_protocol.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});
}

TEST_CASE("records of queue-clean are written and read back") {
  for (char const letter : std::string_view{"RBSXArbsx"}) {
    for (std::uint32_t const error : {0u, 2u, 4'294'967'295u}) {
      std::string const text = CleanRecord{static_cast<CleanLetter>(letter), id, error}.encoded();
      REQUIRE(text.size() == clean_record_size);
      auto const back = CleanRecord::parse(Wire{text});
      REQUIRE(back);
      CHECK(static_cast<char>(back->letter) == letter);
      CHECK(back->id == id);
      CHECK(back->error == error);
    }
  }
}

TEST_CASE("a record of queue-clean that differs in one byte is another or none") {
  std::string const good = CleanRecord{CleanLetter::remove, id, 17}.encoded();
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string text = good;
      text[i] = static_cast<char>(c);
      auto const record = CleanRecord::parse(Wire{text});
      if (record && text != good) CHECK(record->encoded() == text);
    }
  }
  CHECK_FALSE(CleanRecord::parse(Wire{std::string_view{good}.substr(1)}));
  std::string const longer = good + "\n";
  CHECK_FALSE(CleanRecord::parse(Wire{longer}));
}
