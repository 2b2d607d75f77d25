// JSON is valid whatever the strings are; tables show nothing that steers a terminal.
#include "tools/json_text.h"

#include <catch2/catch.hpp>

#include "tools/text_table.h"

using namespace postern;

TEST_CASE("strings of JSON") {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  constexpr Case cases[] = {
      {"", "\"\""},
      {"a b", "\"a b\""},
      {"\"\\/", "\"\\\"\\\\/\""},
      {std::string_view{"\0\n\x1f\x7f", 4}, "\"\\u0000\\u000a\\u001f\\u007f\""},
      {"b\xc3\xbc", "\"b\xc3\xbc\""},
      {"\xff", "\"\\u00ff\""},
      {"b\xc3\xbc\x80", "\"b\\u00c3\\u00bc\\u0080\""},  // one bad byte, and none of it is taken for UTF-8
      {"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""},    // a surrogate
  };
  for (auto const& [text, json] : cases) {
    JsonText written;
    CHECK(written.string(text).text() == json);
  }
}

TEST_CASE("commas come by themselves, also in text written in pieces") {
  JsonText json;
  json.array().object().key("a").number(1).key("b").array().null().string("x").end_array().end_object();
  std::string whole = json.text();
  json.clear();
  json.object().end_object().end_array();
  whole += json.text();
  CHECK(whole == "[{\"a\": 1, \"b\": [null, \"x\"]},\n{}]");
}

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
