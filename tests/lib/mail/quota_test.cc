// Quotas and what they leave room for; users/full as smtpd reads it.
#include "lib/mail/quota.h"

#include <catch2/catch.hpp>

#include "lib/mail/full_flag.h"
#include "tests/scratch.h"

using namespace postern;

TEST_CASE("a quota is two numbers within bounds") {
  for (std::string_view const good : {"0:0", "1:0", "0:1", "1125899906842624:1000000000"}) {
    auto const quota = Quota::parse(Wire{good});
    REQUIRE(quota);
    CHECK(quota->encoded() == good);
  }
  for (std::string_view const bad : {"", ":", "1", "1:", ":1", "1:1:1", "-1:0", "+1:0", " 1:0", "1:0\n", "1125899906842625:0",
                                     "0:1000000001", "99999999999999999999999:1", "1k:1"})
    CHECK_FALSE(Quota::parse(Wire{bad}));
}

TEST_CASE("a message fits when bytes and messages do") {
  struct Case {
    Quota quota;
    MailboxUse use;
    std::uint64_t size;
    bool fits;
    std::uint64_t room;
  };
  constexpr Case cases[] = {
      {{100, 0}, {0, 0}, 100, true, 100},
      {{100, 0}, {0, 0}, 101, false, 100},
      {{100, 0}, {99, 5}, 1, true, 1},
      {{100, 0}, {99, 5}, 2, false, 1},
      {{100, 0}, {100, 1}, 0, false, 0},
      {{100, 0}, {500, 1}, 1, false, 0},
      {{0, 3}, {1000, 2}, 999, true, largest_quota_bytes},
      {{0, 3}, {0, 3}, 1, false, 0},
      {{100, 3}, {10, 3}, 1, false, 0},
      {{100, 3}, {10, 2}, 90, true, 90},
  };
  for (auto const& [quota, use, size, fits, room] : cases) {
    INFO(quota.encoded() << " with " << use.bytes << " in " << use.messages << " and " << size);
    CHECK(use.leaves_room(quota, size) == fits);
    CHECK(use.room(quota) == room);
  }
}

namespace {

struct Flags {
  Scratch scratch;
  Directory full = *Directory::open(scratch.path());

  std::optional<std::uint64_t> room(Seconds later = 0s) const { return room_when_full(full, "alice", wall_now() + later); }
};

}  // namespace

TEST_CASE("a mailbox is full while its file says so and is young") {
  Flags const flags;
  CHECK_FALSE(flags.room());  // no file
  flags.scratch.write("alice", "");
  CHECK_FALSE(flags.room());
  flags.scratch.write("alice", "1234\n");
  CHECK(flags.room() == 1234u);
  CHECK(flags.room(14min) == 1234u);
  CHECK_FALSE(flags.room(16min));
  CHECK_FALSE(flags.room(-1min));  // from the future
  for (std::string_view const odd : {"1234", "\n", "x\n", "1 2\n", "-5\n", "99999999999999999999999999999999999999999\n"}) {
    flags.scratch.write("alice", odd);
    CHECK(flags.room() == 0u);
  }
}

TEST_CASE("what is no file says nothing, and nobody waits for it") {
  Flags const flags;
  REQUIRE(mkfifo(flags.scratch.path("alice").c_str(), 0600) == 0);
  CHECK_FALSE(flags.room());
  REQUIRE(unlink(flags.scratch.path("alice").c_str()) == 0);
  flags.scratch.write("bob", "0\n");
  REQUIRE(symlink("bob", flags.scratch.path("alice").c_str()) == 0);
  CHECK_FALSE(flags.room());
}

TEST_CASE("a mailbox's own programs set and clear what is there, and make nothing") {
  Flags const flags;
  std::string const path = flags.scratch.path("alice");
  OwnFullFlag::open(path).set(5);
  OwnFullFlag::open(std::nullopt).set(5);
  CHECK_FALSE(flags.room());
  CHECK(access(path.c_str(), F_OK) != 0);
  flags.scratch.write("alice", "");
  auto const own = OwnFullFlag::open(path);
  own.set(123456);
  CHECK(flags.room() == 123456u);
  own.set(7);
  CHECK(flags.room() == 7u);
  own.clear();
  CHECK_FALSE(flags.room());
  own.clear();
  CHECK_FALSE(flags.room());
}
