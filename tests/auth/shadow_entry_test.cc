// Lines of /etc/shadow and /etc/passwd: found by their whole name, and which passwords count on a day.
#include "auth/shadow_entry.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("passwords of /etc/shadow that count on day 20000") {
  struct Case {
    std::string_view rest;  // behind "name:"
    bool is_line, is_usable;
  };
  Case const cases[] = {
      {"$y$x:19000:0:99999:7:::", true, true},
      {"$y$x:::::::", true, true},
      {"$y$x:-1:-1:-1:-1:-1:-1:", true, true},
      {"!$y$x:::::::", true, false},
      {"*:::::::", true, false},
      {":::::::", true, false},
      {"$y$x:0:::::: ", true, false},
      {"$y$x:19990:0:10::::", true, true},
      {"$y$x:19990:0:9::::", true, false},
      {"$y$x:19990:0:9::1::", true, true},
      {"$y$x:19000::::: 1:", false, false},
      {"$y$x::::::20000:", true, false},
      {"$y$x::::::20001:", true, true},
      {"$y$x", false, false},
      {"$y$x::::::::", false, false},
      {"$y$x:x::::::", false, false},
      {"$y$x:99999999999::::::", false, false},
  };
  for (auto const& [rest, is_line, is_usable] : cases) {
    std::string const line = "name:" + std::string{rest};
    INFO(line);
    auto const entry = ShadowEntry::parse(Wire{line});
    CHECK(entry.has_value() == is_line);
    if (entry) CHECK(entry->is_usable(20000) == is_usable);
  }
}

TEST_CASE("a line is found by its whole name, the first one counts, and a uid is a number") {
  constexpr std::string_view file = "alice2:x:1:\nalice:x:1000:1000::/h:/bin/sh\nalice:x:2:\nbob";
  CHECK(find_line(file, "alice") == "alice:x:1000:1000::/h:/bin/sh");
  CHECK_FALSE(find_line(file, "alic"));
  CHECK_FALSE(find_line(file, "bob"));
  CHECK_FALSE(find_line("", "alice"));
  CHECK(*uid_of_passwd_line(Wire{"alice:x:1000:1000::/h:/bin/sh"}) == 1000);
  for (std::string_view const wrong : {"alice:x:1000", "alice:x::1::/:", "alice:x:-1:1::/:", "alice:x:4294967296:1::/:"})
    CHECK_FALSE(uid_of_passwd_line(Wire{wrong}));
}
