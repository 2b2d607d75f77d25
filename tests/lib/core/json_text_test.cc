// JSON is valid whatever the strings are.
#include "lib/core/json_text.h"

#include <catch2/catch.hpp>

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
      {"\xc2\x9b"
       "2J\xc2\xa0",
       "\"\\u009b2J\xc2\xa0\""},  // CSI
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
  json.array()
      .object()
      .key("a")
      .number(1)
      .key("b")
      .array()
      .null()
      .boolean(true)
      .boolean(false)
      .string("x")
      .end_array()
      .end_object();
  std::string whole = json.text();
  json.clear();
  json.object().end_object().end_array();
  whole += json.text();
  CHECK(whole == "[{\"a\": 1, \"b\": [null, true, false, \"x\"]},\n{}]");
}
