#include "send/message_table.h"

#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "lib/core/base32.h"

using namespace postern;

namespace {

// IDs that are alike in as many digits as real ones are, and some that are not.
QueueId id_of(std::uint64_t number) {
  std::string const text = base32(0x1'2345'6789 + number / 7, 11) + base32(number * 0x9e3779b97f4a7c15u, 8);
  return *QueueId::parse(Wire{text});
}

}  // namespace

TEST_CASE("a packed id keeps all its digits") {
  for (const char* const text :
       {"0000000000000000000", "vvvvvvvvvvvvvvvvvvv", "0123456789abcdefghi", "ihgfedcba9876543210", "1j0r1kbl9t2cc42n9mq",
        "0000000000100000000", "0000000000010000000", "00000000000v0000000", "000000000000v000000"}) {
    auto const id = QueueId::parse(Wire{std::string_view{text}});
    REQUIRE(id);
    CHECK(PackedId{*id}.unpacked() == *id);
  }
  static_assert(sizeof(PackedId) == 12);
}

TEST_CASE("messages are found as long as they are there, whatever came and went") {
  MessageTable table;
  std::mt19937_64 chance{7};
  std::set<std::uint64_t> there;
  for (int step = 0; step < 60'000; ++step) {
    std::uint64_t const number = chance() % 3000;
    QueueId const id = id_of(number);
    Index const found = table.find(id);
    REQUIRE((found != no_index) == there.contains(number));
    if (found == no_index) {
      Index const added = table.add(id);
      REQUIRE(table.find(id) == added);
      there.insert(number);
    } else if (chance() % 2) {
      REQUIRE(table.message(found).id.unpacked() == id);
      table.remove(found);
      there.erase(number);
    }
    REQUIRE(table.size() == there.size());
  }
  for (std::uint64_t number = 0; number < 3000; ++number)
    CHECK((table.find(id_of(number)) != no_index) == there.contains(number));
}

TEST_CASE("jobs hang on their message and are used again") {
  MessageTable table;
  Index const message = table.add(id_of(1));
  Index const a = table.add_job(message);
  Index const b = table.add_job(message);
  Index const c = table.add_job(message);
  CHECK(table.message(message).first_job == c);
  CHECK(table.job(c).sibling == b);
  table.remove_job(b);
  CHECK(table.job(c).sibling == a);
  table.remove_job(c);
  CHECK(table.message(message).first_job == a);
  CHECK(table.add_job(message) == c);
  CHECK(table.add_job(message) == b);
  CHECK(table.job(b).sibling == c);
}

TEST_CASE("a million messages of one recipient are small") {
  CHECK(sizeof(Message) <= 48);
  CHECK(sizeof(Job) <= 36);
}
