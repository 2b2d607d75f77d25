#include "pop3d/uid_list.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("a list of UIDs comes out as it went in") {
  UidList list;
  list.validity = 1'700'000'000;
  list.next = 8;
  list.entries = {{1, "1.M2P3.host"}, {3, "2.a b"}, {7, "\xff"}};
  std::string const text = list.encoded();
  CHECK(text == "postern-uids 1 1700000000 8\n1 1.M2P3.host\n3 2.a b\n7 \xff\n");
  auto const again = UidList::parse(Wire{text});
  REQUIRE(again);
  CHECK(again->encoded() == text);
}

TEST_CASE("what is no list of UIDs") {
  for (std::string_view const text : {"",
                                      "postern-uids 1 1 1",
                                      "postern-uids 2 1 1\n",
                                      "postern-uids 1 0 1\n",
                                      "postern-uids 1 1\n",
                                      "postern-uids 1 1 1 1\n",
                                      "postern-uids 1 1 5\n5 a\n",
                                      "postern-uids 1 1 5\n0 a\n",
                                      "postern-uids 1 1 5\n2 a\n2 b\n",
                                      "postern-uids 1 1 5\n2 a\n1 b\n",
                                      "postern-uids 1 1 5\n1 a",
                                      "postern-uids 1 1 5\n1 \n",
                                      "postern-uids 1 1 5\n1\n",
                                      "postern-uids 1 1 5\n\n",
                                      "postern-uids 1 1 5\n1 .a\n",
                                      "postern-uids 1 1 5\n1 a,S=1\n",
                                      "postern-uids 1 1 5\n1 a:2,S\n",
                                      "postern-uids 1 1 4294967296\n",
                                      "postern-uids 1 01 1\n", "postern-uids 1 1 1 \n",
                                      "postern-uids 1 1 5\nx a\n"}) {
    CAPTURE(text);
    CHECK_FALSE(UidList::parse(Wire{text}));
  }
}
