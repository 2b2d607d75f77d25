// users/passwords is read strictly: a line that is not as laid out opens nothing, and neither does the file around it.
#include "lib/mail/passwords.h"

#include <catch2/catch.hpp>

#include "lib/core/base64.h"
#include "lib/core/number.h"

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
      {"alice:*:\n", ""},
      {"alice:*:disabled\n", ""},
      {"alice:**:\n", "line 1"},
      {"alice:!x:\n", "line 1"},
      {"alice:a b:\n", "line 1"},
      {"alice:a:b:c\n", "line 1"},
      {"alice:a:b:\n", "line 1"},
      {"alice:a:b::\n", "line 1"},
      {"alice:a:b:::\n", "line 1"},
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

TEST_CASE("SCRAM keys and app passwords of users/passwords") {
  std::string const key = base64(std::string(32, 'k')), other = base64(std::string(32, '\xff')),
                    salt = base64("0123456789abcdef");
  std::string const scram = "4096," + salt + "," + key + "," + other;
  struct Case {
    std::string fields;  // behind "alice:hash:"
    bool good;
  };
  Case const cases[] = {
      {":" + scram, true},
      {"disabled:" + scram, true},
      {":" + scram + ":phone/imap,pop3/" + key, true},
      {"::phone/imap,pop3/" + key + ";laptop//" + other, true},
      {"::a-9//" + other, true},  // its base64 has slashes
      {":" + scram + ":", false},
      {":" + scram + ":phone/imap/" + key + ";", false},
      {"::phone/imap/" + key + ";phone//" + other, false},
      {"::phone/imap,imap/" + key, false},
      {"::phone/imap,/" + key, false},
      {"::phone/,imap/" + key, false},
      {"::/imap/" + key, false},
      {"::phone/" + key, false},
      {"::Phone//" + key, false},
      {"::" + std::string(32, 'n') + "//" + key, true},
      {"::" + std::string(33, 'n') + "//" + key, false},
      {"::phone//" + key + "x", false},
      {"::phone//" + base64(std::string(31, 'k')), false},
      {"::phone//" + base64(std::string(33, 'k')), false},
      {"::phone//", false},
      {":4095," + salt + "," + key + "," + key, false},
      {":04096," + salt + "," + key + "," + key, false},
      {":10000000," + salt + "," + key + "," + key, true},
      {":10000001," + salt + "," + key + "," + key, false},
      {":4096," + base64("1234567") + "," + key + "," + key, false},
      {":4096," + base64("12345678") + "," + key + "," + key, true},
      {":4096," + base64(std::string(65, 's')) + "," + key + "," + key, false},
      {":4096," + salt + "," + key, false},
      {":4096," + salt + "," + key + "," + key + "," + key, false},
      {":4096," + salt + "," + key + "," + base64("short"), false},
      {":," + salt + "," + key + "," + key, false},
      {":" + scram + "::", false},
  };
  for (auto const& [fields, good] : cases) {
    std::string const text = "alice:$1$x:" + fields + "\n";
    INFO(text);
    auto const passwords = Passwords::parse(Wire{text});
    CHECK(passwords.has_value() == good);
    if (passwords) CHECK(passwords->encoded() == text);
  }
  std::string const keys_alone = "alice:*::" + scram + "\n";
  CHECK_FALSE(Passwords::parse(Wire{keys_alone}));

  std::string const all = "alice:$1$x::" + scram + ":phone/imap,pop3/" + key + ";laptop//" + other + "\n";
  auto const passwords = Passwords::parse(Wire{all});
  REQUIRE(passwords);
  const PasswordEntry& alice = *passwords->find("alice");
  CHECK(alice.scram == ScramKeys{4096, "0123456789abcdef", std::string(32, 'k'), std::string(32, '\xff')});
  REQUIRE(alice.app_passwords.size() == 2);
  CHECK(alice.app_passwords[0].opens("pop3"));
  CHECK_FALSE(alice.app_passwords[0].opens("submission"));
  CHECK_FALSE(alice.app_passwords[0].opens("pop"));
  CHECK(alice.app_passwords[1].opens("submission"));
  CHECK(alice.app_passwords[1].digest == std::string(32, '\xff'));
}

TEST_CASE("a login has at most so many app passwords") {
  auto const with = [](std::size_t count) {
    std::string text = "alice:*:::";
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) text += ';';
      text += "n" + decimal(i) + "//" + base64(std::string(32, 'k'));
    }
    return text;
  };
  std::string const most = with(most_app_passwords), more = with(most_app_passwords + 1);
  CHECK(PasswordEntry::parse(Wire{most}));
  CHECK_FALSE(PasswordEntry::parse(Wire{more}));
}

TEST_CASE("an app password as people type it") {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz27";
  CHECK(canonical_app_password(plain) == plain);
  CHECK(canonical_app_password("ABCD efgh-ijkl mnop qrst uvwx yz27 ") == plain);
  for (std::string_view const wrong :
       {"", "a", "abcdefghijklmnopqrstuvwxyz2", "abcdefghijklmnopqrstuvwxyz277", "abcdefghijklmnopqrstuvwxyz28",
        "abcdefghijklmnopqrstuvwxyz2\xc3", "abcdefghijklmnopqrstuvwxyz21", "abcdefghijklmnopqrstuvwxyz2_"})
    CHECK_FALSE(canonical_app_password(wrong));
}

TEST_CASE("passwords that every client sends alike") {
  for (std::string_view const alike :
       {"x", "pass word", "~!@#$%^&*()", " a ", "p\xc3\xa4ssw\xc3\xb6rd", "\xce\xbb\xcf\x8c\xce\xb3\xce\xbf\xcf\x82",
        "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c", "\xe2\x82\xac"})
    CHECK(is_prepared_alike(alike));
  for (std::string_view const not_alike : {"a\tb", "a\xcc\x88", "\xc3", "\xc3x", "\xc1\xa1", "\xef\xac\x81", "\xc2\xaa",
                                           "\xc2\xb5", "\xc2\xad", "\xd7\x90", "\xe2\x82\xad", "\xc4\xb2", "\x7f", "caf\xe9",
                                           "a\xc2\xa0"
                                           "b"})
    CHECK_FALSE(is_prepared_alike(not_alike));
}

TEST_CASE("a password is set, found, changed and removed") {
  Passwords passwords;
  CHECK(passwords.find("alice") == nullptr);
  passwords.at(login_of("alice")).hash = hash_of(hash);
  passwords.at(login_of("info@example.org")).hash = hash_of("$1$old");
  REQUIRE(passwords.find("alice"));
  CHECK(passwords.find("alice")->hash->text() == hash);
  CHECK(passwords.find("alic") == nullptr);

  passwords.at(login_of("info@example.org")).hash = hash_of("$1$new");
  CHECK(passwords.entries().size() == 2);
  CHECK(passwords.find("info@example.org")->hash->text() == "$1$new");
  CHECK(passwords.remove("alice"));
  CHECK_FALSE(passwords.remove("alice"));
  REQUIRE(passwords.find("info@example.org"));
  CHECK(passwords.encoded() == "info@example.org:$1$new:\n");
}

TEST_CASE("a new password leaves the flags as they are") {
  auto passwords = Passwords::parse(Wire{"alice:$1$old:disabled,x\n"});
  REQUIRE(passwords);
  passwords->at(login_of("alice")).hash = hash_of("$1$new");
  CHECK(passwords->encoded() == "alice:$1$new:disabled,x\n");
  CHECK(passwords->find("alice")->has_flag("disabled"));
  CHECK_FALSE(passwords->find("alice")->has_flag("disable"));
}
