#include "send/state_store.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});
QueueId const other = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9m0"}});
constexpr const char* file = "mq/1j0r1kbl9t2cc42n9mq";

std::string line(std::uint32_t recipient) { return StateLine{StateWord::delivered, recipient, 5, 0, 0, "2.0.0"}.encoded(); }

struct Store {
  Scratch scratch;
  StateStore states{*Directory::open(scratch.path())};
};

}  // namespace

TEST_CASE("a state is what was appended, and is gone when removed") {
  Store s;
  CHECK_FALSE(*s.states.read(id));
  CHECK(s.states.append(id, line(0)));
  CHECK(s.states.append(id, line(3)));
  auto const state = s.states.read(id);
  REQUIRE(state);
  REQUIRE(*state);
  CHECK((*state)->recipients.size() == 2);
  CHECK(s.states.list(id.directory_number()) == std::vector<QueueId>{id});
  CHECK(s.states.list(other.directory_number()).empty());
  s.states.remove(id);
  s.states.remove(id);
  CHECK_FALSE(*s.states.read(id));
  CHECK_FALSE(s.states.has_unsynced());
}

TEST_CASE("a torn last line is cut off before the next one comes") {
  Store s;
  s.scratch.make_directory("mq");
  s.scratch.write(file, line(0) + "failed 1 5 5.1");
  auto const state = s.states.read(id);
  REQUIRE(state);
  CHECK((*state)->recipients.size() == 1);
  CHECK(s.states.append(id, line(2)));
  auto const again = s.states.read(id);
  REQUIRE(again);
  CHECK((*again)->recipients.size() == 2);
  CHECK((*again)->recipients.contains(2));
}

TEST_CASE("a file that is not a state is an error, not an empty state") {
  Store s;
  s.scratch.make_directory("mq");
  s.scratch.write(file, "not a state\n");
  auto const state = s.states.read(id);
  REQUIRE_FALSE(state);
  CHECK(state.error().is_permanent());
}

TEST_CASE("a file is synced when all lines were there before the sync began") {
  Store s;
  s.states.append(id, line(0));
  REQUIRE(s.states.unsynced().size() == 1);
  s.states.sync_started(id);
  CHECK(s.states.unsynced().empty());
  CHECK_FALSE(s.states.is_synced(id));
  s.states.append(id, line(1));
  CHECK(s.states.has_unsynced());
  CHECK(s.states.unsynced().empty());  // one sync at a time
  CHECK_FALSE(s.states.sync_ended(id));
  REQUIRE(s.states.unsynced().size() == 1);
  s.states.sync_started(id);
  CHECK(s.states.sync_ended(id));
  CHECK(s.states.is_synced(id));
  CHECK_FALSE(s.states.sync_ended(id));
}

TEST_CASE("syncs that queue-clean did not answer are asked for again") {
  Store s;
  s.states.append(id, line(0));
  s.states.append(other, line(0));
  s.states.sync_started(id);
  s.states.syncs_lost();
  CHECK(s.states.unsynced().size() == 2);
  s.states.sync_started(id);
  s.states.sync_started(other);
  s.states.remove(id);
  CHECK_FALSE(s.states.sync_ended(id));
  CHECK(s.states.sync_ended(other));
  CHECK(s.states.all_synced());
}

TEST_CASE("what cannot be written is kept and written later") {
  Store s;
  s.scratch.write("mq", "in the way");
  CHECK_FALSE(s.states.append(id, line(0)));
  CHECK_FALSE(s.states.append(id, line(1)));
  CHECK(s.states.unsynced().empty());
  CHECK_FALSE(s.states.is_synced(id));
  REQUIRE(unlink(s.scratch.path("mq").c_str()) == 0);
  s.states.write_again();
  CHECK(s.states.unsynced().size() == 1);
  CHECK((*s.states.read(id))->recipients.size() == 2);
}
