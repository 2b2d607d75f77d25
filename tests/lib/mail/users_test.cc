// Tests of lib/mail/users: qmail's users/cdb, exact names, wildcards, case, and damage.
#include "lib/mail/users.h"

#include <cdb.h>
#include <fcntl.h>

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

using namespace std::string_literals;

std::string value(const std::string& user, const std::string& uid, const std::string& home, const std::string& dash,
                  const std::string& extension) {
  return user + '\0' + uid + '\0' + "100" + '\0' + home + '\0' + dash + '\0' + extension;
}

// Writes a cdb as qmail-newu and `postern user` do.
struct Users {
  Scratch scratch;
  explicit Users(const std::vector<std::pair<std::string, std::string>>& entries) {
    int const file = open(scratch.path("cdb").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    cdb_make database{};
    REQUIRE(cdb_make_start(&database, file) == 0);
    for (auto const& [key, content] : entries)
      REQUIRE(cdb_make_add(&database, key.data(), static_cast<unsigned>(key.size()), content.data(),
                           static_cast<unsigned>(content.size())) == 0);
    REQUIRE(cdb_make_finish(&database) == 0);
    close(file);
  }
  Result<UsersDatabase> open_database() const { return UsersDatabase::open(*Directory::open(scratch.path())); }
};

// "user:uid:home:dash:extension", or "none".
std::string found(const UsersDatabase& database, std::string_view name) {
  auto const mailbox = database.find(name);
  REQUIRE(mailbox);
  if (!*mailbox) return "none";
  const Mailbox& box = **mailbox;
  return box.user + ":" + std::to_string(box.uid) + ":" + box.home + ":" + box.dash + ":" + box.extension;
}

}  // namespace

TEST_CASE("the whole name wins, then the longest prefix") {
  Users const users{{
      {"", "-+y"},
      {"!alice\0"s, value("alice", "1001", "/home/alice", "", "")},
      {"!alice-list\0"s, value("list", "1002", "/home/list", "", "")},
      {"!alice-", value("alice", "1001", "/home/alice", "-", "")},
      {"!alice-work-", value("work", "1003", "/home/work", "-", "w-")},
      {"!bob+", value("bob", "1004", "/home/bob", "+", "")},
      {"!happy", value("happy", "1005", "/home/happy", "", "pre")},
      {"!", value("rest", "1006", "/home/rest", "-", "")},
  }};
  auto const database = users.open_database();
  REQUIRE(database);
  struct {
    std::string_view name;
    std::string_view mailbox;
  } const cases[] = {
      {"alice", "alice:1001:/home/alice::"},
      {"ALICE", "alice:1001:/home/alice::"},
      {"alice-list", "list:1002:/home/list::"},
      {"alice-other", "alice:1001:/home/alice:-:other"},
      {"alice-Other", "alice:1001:/home/alice:-:Other"},
      {"alice-", "alice:1001:/home/alice:-:"},
      {"alice-work", "alice:1001:/home/alice:-:work"},
      {"alice-work-", "work:1003:/home/work:-:w-"},
      {"alice-work-x", "work:1003:/home/work:-:w-x"},
      {"alice-work-x-y", "work:1003:/home/work:-:w-x-y"},
      {"bob+tag", "bob:1004:/home/bob:+:tag"},
      {"bob", "rest:1006:/home/rest:-:bob"},
      {"happyend", "happy:1005:/home/happy::preend"},
      {"happ", "rest:1006:/home/rest:-:happ"},
      {"", "rest:1006:/home/rest:-:"},
      {"alicex", "rest:1006:/home/rest:-:alicex"},
      {"!alice", "rest:1006:/home/rest:-:!alice"},
  };
  for (auto const& [name, mailbox] : cases) {
    INFO(name);
    CHECK(found(*database, name) == mailbox);
  }
  CHECK(found(*database, std::string(400, 'x')) == "rest:1006:/home/rest:-:" + std::string(400, 'x'));
  CHECK(found(*database, std::string(401, 'x')) == "none");
}

TEST_CASE("without a prefix of all names some are nobody's") {
  Users const users{{{"", "-"}, {"!alice\0"s, value("alice", "1001", "/home/alice", "", "")}}};
  auto const database = users.open_database();
  REQUIRE(database);
  CHECK(found(*database, "alice") == "alice:1001:/home/alice::");
  for (std::string_view const name : {"alic", "alice-x", "bob", "", "-", "alice\xc3\xbc"})
    CHECK(found(*database, name) == "none");
  CHECK(found(*database, "alice\0"s) == "none");
  auto moved = *users.open_database();
  CHECK(found(moved, "alice") == "alice:1001:/home/alice::");
}

TEST_CASE("a mailbox is never root's, and its home is absolute") {
  struct {
    std::string value;
    bool good;
  } const cases[] = {
      {value("u", "1", "/h", "", ""), true},
      {value("u", "0", "/h", "", ""), false},
      {value("u", "-1", "/h", "", ""), false},
      {value("u", "x", "/h", "", ""), false},
      {value("u", "1", "h", "", ""), false},
      {value("u", "1", "", "", ""), false},
      {"u\0001\0000\0/h\0\0"s, false},
      {"u"s, false},
      {""s, false},
      {"u\0001\0001"s, false},
      {"u\0001\0001\0/h"s, false},
  };
  for (auto const& [text, good] : cases) {
    INFO(text);
    CHECK(Mailbox::parse(Wire{text}).has_value() == good);
  }
  Users const users{{{"!evil\0"s, value("evil", "0", "/", "", "")}}};
  auto const database = users.open_database();
  REQUIRE(database);
  CHECK_FALSE(database->find("evil"));
  CHECK(database->find("evil").error().is_permanent());
}

TEST_CASE("a file that is not a cdb is an error, not an empty database") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  CHECK(is_missing(UsersDatabase::open(directory).error()));
  scratch.write("cdb", "");
  CHECK_FALSE(UsersDatabase::open(directory));
  scratch.write("cdb", std::string(100, 'x'));
  CHECK_FALSE(UsersDatabase::open(directory));
  scratch.write("cdb", std::string(8192, '\xff'));  // positions far outside of it
  auto const database = UsersDatabase::open(directory);
  if (database) CHECK_FALSE(database->find("alice"));
}
