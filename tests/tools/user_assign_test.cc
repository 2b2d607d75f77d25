// users/assign: what is taken, what is refused and where, and that lookups in what is compiled find what is meant.
#include "tools/user_assign.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace postern;

namespace {

// The directory holds a cdb compiled from `text`.
struct Compiled {
  explicit Compiled(std::string_view text, std::string_view limits = {}) {
    auto const assignments = Assignments::parse(Wire{text});
    REQUIRE(assignments);
    auto const quotas = Quotas::parse(Wire{limits});
    REQUIRE(quotas);
    REQUIRE(mkdtemp(path));
    auto const directory = Directory::open(path);
    REQUIRE(directory);
    auto const file = directory->create_file("cdb", 0600);
    REQUIRE(file);
    REQUIRE(assignments->compile(file->number(), *quotas));
    auto opened = UsersDatabase::open(*directory);
    REQUIRE(opened);
    database.emplace(*std::move(opened));
  }
  ~Compiled() {
    unlink((std::string{path} + "/cdb").c_str());
    rmdir(path);
  }
  // "user dash extension", or "-" for none.
  std::string find(std::string_view name) const {
    auto const mailbox = database->find(name);
    if (!mailbox) return "error: " + mailbox.error().text();
    if (!*mailbox) return "-";
    return (*mailbox)->user + " " + (*mailbox)->dash + " " + (*mailbox)->extension;
  }
  char path[32] = "/tmp/assign-XXXXXX";
  std::optional<UsersDatabase> database;
};

}  // namespace

TEST_CASE("lines of users/assign") {
  struct Case {
    std::string_view text;
    std::string_view error;  // a part of it; empty: good
  };
  Case const cases[] = {
      {".\n", ""},
      {"=alice:alice:1000:1000:/home/alice:::\n.\n", ""},
      {"+alice-:alice:1000:1000:/home/alice:-::\n.\n", ""},
      {"+:catchall:1000:1000:/home/c:-:x:\n.\n", ""},
      {"=a:u:4294967294:1:/:+:e/x:\n.\n", ""},
      {"", "last line is not a single dot"},
      {"=alice:alice:1000:1000:/home/alice:::\n", "last line is not a single dot"},
      {".", "no newline at the end of users/assign line 1"},
      {".\n.\n", "behind the single dot of users/assign line 1"},
      {".\n\n", "line 1"},
      {"\n.\n", "line 1"},
      {"# comment\n.\n", "line 1"},
      {"=alice:alice:1000:1000:/home/alice::\n.\n", "fewer than seven"},
      {"=alice:alice:1000:1000:/home/alice::\n.\n", "users/assign line 1"},
      {"=alice:alice:1000:1000:/home/alice:::x\n.\n", "something behind"},
      {"=:alice:1000:1000:/home/alice:::\n.\n", "empty or too long name"},
      {"=alice::1000:1000:/home/alice:::\n.\n", "empty user"},
      {"=alice:alice:0:1000:/home/alice:::\n.\n", "uid"},
      {"=alice:alice:1000:0:/home/alice:::\n.\n", "gid"},
      {"=alice:alice:-1:1000:/home/alice:::\n.\n", "uid"},
      {"=alice:alice:4294967295:1000:/home/alice:::\n.\n", "uid"},
      {"=alice:alice:x:1000:/home/alice:::\n.\n", "uid"},
      {"=alice:alice:1000:1000:home/alice:::\n.\n", "home"},
      {"=alice:alice:1000:1000::::\n.\n", "home"},
      {"=alice:alice:1000:1000:/home/alice:--::\n.\n", "dash"},
      {"=alice:alice:1000:1000:/home/al\rice:::\n.\n", "control character"},
      {std::string_view{"=al\0ce:alice:1000:1000:/home/alice:::\n.\n", 40}, "control character"},
      {"=a:u:1:1:/h:::\n=b:u:1:1:/h:::\n=A:u:1:1:/h:::\n.\n", "already; remove users/assign line 3"},
      {"+a:u:1:1:/h:::\n+a:u:1:1:/h:::\n.\n", "line 2"},
      {"=a:u:1:1:/h:::\n+a:u:1:1:/h:::\n.\n", ""},  // a name and a prefix are two things
  };
  for (auto const& [text, error] : cases) {
    INFO(text);
    auto const assignments = Assignments::parse(Wire{text});
    CHECK(assignments.has_value() == error.empty());
    if (assignments)
      CHECK(assignments->encoded() == text);
    else
      CHECK(assignments.error().text().find(error) != std::string::npos);
  }
}

TEST_CASE("what is compiled is found: names before prefixes, long prefixes before short ones") {
  Compiled const users(
      "=alice:A:1:1:/a:::\n"
      "+alice+:A:1:1:/a:+::\n"
      "+alice-list-:L:2:2:/l:-:pre-:\n"
      "+alice-:M:3:3:/m:-::\n"
      "=alice-list-owner:O:4:4:/o:::\n"
      "=Example.ORG-Info:I:5:5:/i:::\n"
      ".\n");
  struct Case {
    std::string_view name;
    std::string_view found;
  };
  constexpr Case cases[] = {
      {"alice", "A  "},
      {"ALICE", "A  "},
      {"alice+", "A + "},
      {"alice+shop", "A + shop"},
      {"alice+Shop+x", "A + Shop+x"},
      {"alice-", "M - "},
      {"alice-x", "M - x"},
      {"alice-list", "M - list"},
      {"alice-list-", "L - pre-"},
      {"alice-list-x", "L - pre-x"},
      {"alice-list-owner", "O  "},
      {"alice-list-owner-", "L - pre-owner-"},
      {"alic", "-"},
      {"alicex", "-"},
      {"", "-"},
      {"bob", "-"},
      {"+", "-"},
      {"example.org-info", "I  "},
  };
  for (auto const& [name, found] : cases) {
    INFO(name);
    CHECK(users.find(name) == found);
  }
  CHECK(users.find(std::string(5000, 'a')) == "-");
}

TEST_CASE("the empty prefix takes whatever nothing else took") {
  Compiled const users("=alice:A:1:1:/a:::\n+:C:2:2:/c:-:all-:\n.\n");
  CHECK(users.find("alice") == "A  ");
  CHECK(users.find("bob") == "C - all-bob");
  CHECK(users.find("") == "C - all-");
}

TEST_CASE("a mailbox is found with its quota, by whatever name") {
  Compiled const users("=alice:A:1:1:/a:::\n+alice-:A:1:1:/a:-::\n=bob:b:1:1:/b:::\n=a:a:1:1:/c:::\n.\n",
                       "a:1000:0\nnobody:1:1\n");
  CHECK(users.database->find("a")->value().quota == Quota{1000, 0});
  CHECK(users.database->find("alice")->value().quota.is_none());  // its user is A
  CHECK(users.database->find("bob")->value().quota.is_none());
  CHECK(users.find("nobody") == "-");
  Compiled const others("=al:a:1:1:/a:::\n+al-:a:1:1:/a:-::\n.\n", "a:0:7\n");
  CHECK(others.database->find("al")->value().quota == Quota{0, 7});
  CHECK(others.database->find("al-x")->value().quota == Quota{0, 7});
}

TEST_CASE("nobody is found in an empty database") {
  Compiled const users(".\n");
  CHECK(users.find("alice") == "-");
  CHECK(users.find("") == "-");
}

TEST_CASE("a mailbox that is added takes its name and its sub-addresses") {
  Assignments assignments;
  assignments.add("alice", Mailbox{"alice", 1900000000, 1900000001, "/h/alice", "", ""});
  CHECK(assignments.encoded() ==
        "=alice:alice:1900000000:1900000001:/h/alice:::\n"
        "+alice+:alice:1900000000:1900000001:/h/alice:+::\n"
        ".\n");
  CHECK(assignments.has_name("alice"));
  CHECK_FALSE(assignments.has_name("alic"));
  assignments.add("bob", Mailbox{"bob", 7, 7, "/h/bob", "", ""});
  assignments.remove("alice");
  CHECK_FALSE(assignments.has_name("alice"));
  CHECK_FALSE(assignments.find_user("alice"));
  REQUIRE(assignments.find_user("bob"));
  CHECK(assignments.find_user("bob")->mailbox.uid == 7);
}

TEST_CASE("sub-addresses that another has keep a name from being added") {
  auto const assignments = Assignments::parse(Wire{"+alice+:other:1:1:/o:+::\n.\n"});
  REQUIRE(assignments);
  CHECK(assignments->has_name("alice"));
}

TEST_CASE("a user of users/assign gets another name") {
  auto const after = [](std::string_view text, const Assignments::Place& from, const Assignments::Place& to) -> std::string {
    auto assignments = Assignments::parse(Wire{text});
    REQUIRE(assignments);
    auto const done = assignments->rename(from, to);
    return done ? assignments->encoded() : done.error().text() + "\n" + assignments->encoded();
  };
  Assignments::Place const old{"a", "a", "/home/a"}, fresh{"b", "b", "/home/b"};
  CHECK(after("=a:a:5:5:/home/a:::\n+a+:a:5:5:/home/a:+::\n.\n", old, fresh) ==
        "=b:b:5:5:/home/b:::\n+b+:b:5:5:/home/b:+::\n.\n");
  CHECK(after("=x:a:5:5:/home/a/x:::\n+a-l-:a:5:5:/home/aa:-:l:\n+:a:5:5:/m:-::\n=aa:aa:6:6:/h:::\n.\n", old, fresh) ==
        "=x:b:5:5:/home/b/x:::\n+a-l-:b:5:5:/home/aa:-:l:\n+:b:5:5:/m:-::\n=aa:aa:6:6:/h:::\n.\n");
  std::string const taken = "=a:a:5:5:/home/a:::\n=b:c:6:6:/h:::\n.\n";
  CHECK(after(taken, old, fresh) == "another mailbox has this name already: b\n" + taken);
  CHECK(after("=o-a:a@o:5:5:/m:::\n.\n", {"a@o", "o-a", "/m"}, {"b@p", "p-b", "/m"}) == "=p-b:b@p:5:5:/m:::\n.\n");
  CHECK(after(".\n", old, fresh) == ".\n");
}
