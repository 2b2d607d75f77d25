// users/passwords is read strictly: a line that is not as laid out opens nothing, and neither does the file around it.
#include "lib/mail/passwords.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
constexpr std::string_view hash = "$y$j9T$MNKBFflkzAx5AW/1T90Q01$KDFyArSj9diJ3gei4m85zP8hZLAoJXKbhPHmjGjb0L9";

Login login_of(std::string_view text) {
  auto login = Login::parse(Wire{text});
  REQUIRE(login);
  return *login;
}
PasswordHash hash_of(std::string_view text) {
  auto parsed = PasswordHash::parse(Wire{text});
  REQUIRE(parsed);
  return *parsed;
}
}  // namespace

TEST_CASE("lines of users/passwords") {
  struct Case {
    std::string_view text;
    std::string_view error;  // a part of it; empty: good
  };
  Case const cases[] = {
      {"", ""},
      {"alice:$6$x$y:\n", ""},
      {"alice:$6$x$y:disabled\n", ""},
      {"alice:$6$x$y:disabled,imap-only\ninfo@example.org:$1$:\n", ""},
      {"alice:$6$x$y:", "no newline at the end of users/passwords line 1"},
      {"alice:a:\nbob:b:\nalice:c:\n", "second time: users/passwords line 3"},
      {"alice:a\n", "line 1"},
      {"alice\n", "line 1"},
      {"\n", "line 1"},
      {"alice::\n", "line 1"},
      {"alice:*:\n", "line 1"},
      {"alice:!x:\n", "line 1"},
      {"alice:a b:\n", "line 1"},
      {"alice:a:b:c\n", "line 1"},
      {"alice:a:,\n", "line 1"},
      {"alice:a:x,\n", "line 1"},
      {"alice:a:,x\n", "line 1"},
      {"alice:a:x,x\n", "line 1"},
      {"alice:a:Disabled\n", "line 1"},
      {"alice:a:\r\n", "line 1"},
      {"ok:a:\nAlice:a:\n", "line 2"},
      {"al/ice:a:\n", "line 1"},
      {":a:\n", "line 1"},
  };
  for (auto const& [text, error] : cases) {
    INFO(text);
    auto const passwords = Passwords::parse(Wire{text});
    CHECK(passwords.has_value() == error.empty());
    if (passwords)
      CHECK(passwords->encoded() == text);
    else
      CHECK(passwords.error().text().find(error) != std::string::npos);
  }
}

TEST_CASE("a password is set, found, changed and removed") {
  Passwords passwords;
  CHECK(passwords.find("alice") == nullptr);
  passwords.set(login_of("alice"), hash_of(hash));
  passwords.set(login_of("info@example.org"), hash_of("$1$old"));
  REQUIRE(passwords.find("alice"));
  CHECK(passwords.find("alice")->hash.text() == hash);
  CHECK(passwords.find("alic") == nullptr);

  passwords.set(login_of("info@example.org"), hash_of("$1$new"));
  CHECK(passwords.entries().size() == 2);
  CHECK(passwords.find("info@example.org")->hash.text() == "$1$new");
  CHECK(passwords.remove("alice"));
  CHECK_FALSE(passwords.remove("alice"));
  CHECK(passwords.encoded() == "info@example.org:$1$new:\n");
}

TEST_CASE("a new password leaves the flags as they are") {
  auto passwords = Passwords::parse(Wire{"alice:$1$old:disabled,x\n"});
  REQUIRE(passwords);
  passwords->set(login_of("alice"), hash_of("$1$new"));
  CHECK(passwords->encoded() == "alice:$1$new:disabled,x\n");
  CHECK(passwords->find("alice")->has_flag("disabled"));
  CHECK_FALSE(passwords->find("alice")->has_flag("disable"));
}
