// Tables show nothing that steers a terminal.
#include "tools/text_table.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("columns stand under each other") {
  TextTable table;
  table.add({"A", "LONGER", "C"});
  table.add(
      {"b\xc3\xbc"
       "cher",
       "x", ""});
  CHECK(table.text() ==
        "A       LONGER  C\n"
        "b\xc3\xbc"
        "cher  x       \n");
}

TEST_CASE("what is shown cannot steer a terminal") {
  CHECK(printable("a\x1b[2Jb\n\t\x7f") == "a?[2Jb???");
  CHECK(printable("\xc2\x9b"
                  "2J") == "??2J");  // U+009B is CSI
  CHECK(printable("\xff\xfe") == "??");
  CHECK(printable("b\xc3\xbc") == "b\xc3\xbc");
}
