// /etc/passwd and /etc/group as files.
#include "tools/user_system.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
constexpr std::string_view passwd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "alice:x:1000:1001:Alice,,,:/home/alice:/bin/bash\n"
    "al:x:1002:1002::/home/al:/bin/sh\n"
    "nohome:x:1003:1003:::/bin/sh\n"
    "bare:x:1004:1004::/:/bin/sh\n"
    "short:x:1005\n"
    "wheel:x:1006:0::/home/wheel:/bin/sh\n"
    "last:x:1007:1008::/home/last:";
}

TEST_CASE("users of the system") {
  struct Case {
    std::string_view name;
    uid_t uid;  // 0: none
    std::string_view home;
  };
  constexpr Case cases[] = {
      {"alice", 1000, "/home/alice"},
      {"al", 1002, "/home/al"},
      {"last", 1007, "/home/last"},
      {"root", 0, ""},
      {"nohome", 0, ""},
      {"bare", 0, ""},
      {"short", 0, ""},
      {"wheel", 0, ""},
      {"bob", 0, ""},
      {"", 0, ""},
      {"ali", 0, ""},
      {"alice:x", 0, ""},
  };
  for (auto const& [name, uid, home] : cases) {
    INFO(name);
    auto const mailbox = find_system_user(Wire{passwd}, name);
    CHECK(mailbox.has_value() == (uid != 0));
    if (!mailbox) continue;
    CHECK(mailbox->uid == uid);
    CHECK(mailbox->home == home);
  }
  CHECK(find_system_user(Wire{passwd}, "alice")->gid == 1001);
}

TEST_CASE("groups of the system") {
  constexpr std::string_view group = "root:x:0:\npn-auth:x:991:\npn-authority:x:992:a,b\nbad:x:y:\n";
  CHECK(find_system_group(Wire{group}, "pn-auth") == gid_t{991});
  CHECK(find_system_group(Wire{group}, "pn-authority") == gid_t{992});
  for (std::string_view const name : {"root", "bad", "pn", "", "missing"}) CHECK_FALSE(find_system_group(Wire{group}, name));
}
