// users/quotas: what is taken, what is refused and where, and what the tool does with lines.
#include "tools/user_quotas.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("lines of users/quotas") {
  struct Case {
    std::string text;
    std::string_view error;  // a part of it; empty: good
  };
  Case const cases[] = {
      {"", ""},
      {"alice:1073741824:0\n", ""},
      {"alice:0:5\ninfo@example.org:1:1\n", ""},
      {"alice:1125899906842624:1000000000\n", ""},
      {"alice:1125899906842625:0\n", "not bytes:messages behind the name in users/quotas line 1"},
      {"alice:1:1000000001\n", "not bytes:messages"},
      {"alice:1:1", "no newline at the end of users/quotas line 1"},
      {"\n", "line 1"},
      {"alice\n", "not name:bytes:messages: users/quotas line 1"},
      {"alice:1\n", "not bytes:messages"},
      {"alice:1:\n", "not bytes:messages"},
      {"alice:1:1:1\n", "not bytes:messages"},
      {"alice:-1:1\n", "not bytes:messages"},
      {"alice:1 :1\n", "not bytes:messages"},
      {"alice:1K:1\n", "not bytes:messages"},
      {"alice:0:0\n", "limits nothing; remove users/quotas line 1"},
      {"bob:1:1\n../alice:1:1\n", "not the name of a mailbox in users/quotas line 2"},
      {":1:1\n", "not the name of a mailbox"},
      {"Alice:1:1\n", "not the name of a mailbox"},
      {"a@" + std::string(60, 'b') + "." + std::string(60, 'b') + "." + std::string(60, 'b') + "." + std::string(60, 'b') +
           ":1:1\n",
       "not the name of a mailbox"},
      {"alice:1:1\nbob:1:1\nalice:2:2\n", "already; remove users/quotas line 3"},
  };
  for (auto const& [text, error] : cases) {
    INFO(text);
    auto const quotas = Quotas::parse(Wire{text});
    CHECK(quotas.has_value() == error.empty());
    if (quotas)
      CHECK(quotas->encoded() == text);
    else
      CHECK(quotas.error().text().find(error) != std::string::npos);
  }
}

TEST_CASE("quotas are set, moved and taken away") {
  Quotas quotas;
  auto const login = [](const char* text) { return *Login::parse(Wire{text}); };
  REQUIRE(quotas.set(login("alice"), {1000, 0}));
  REQUIRE(quotas.set(login("bob"), {0, 3}));
  REQUIRE(quotas.set(login("alice"), {2000, 5}));
  CHECK(quotas.encoded() == "alice:2000:5\nbob:0:3\n");
  CHECK(quotas.of("alice") == Quota{2000, 5});
  CHECK(quotas.of("carol").is_none());
  REQUIRE(quotas.rename("alice", login("carol")));
  REQUIRE(quotas.rename("nobody", login("dave")));
  CHECK(quotas.encoded() == "carol:2000:5\nbob:0:3\n");
  REQUIRE(quotas.rename("bob", login("carol")));  // of a mailbox that is no more
  CHECK(quotas.encoded() == "carol:0:3\n");
  CHECK(quotas.remove("carol"));
  CHECK_FALSE(quotas.remove("carol"));
  CHECK(quotas.encoded().empty());
}
