// Tests of lib/mail/header: what is a field, where a header ends, at every split; writing.
#include "lib/mail/header.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace postern;

namespace {

struct Split {
  std::size_t header, body;
  friend bool operator==(const Split&, const Split&) = default;
};

Split split_in_pieces(std::string_view text, std::size_t piece) {
  HeaderEnd end;
  for (std::size_t length = piece;; length += piece) {
    if (end.find_in(text.substr(0, length))) return {end.header_length(), end.body_start()};
    if (length >= text.size()) break;
  }
  end.finish(text);
  return {end.header_length(), end.body_start()};
}

std::vector<std::string> names_of(std::string_view text) {
  HeaderReader reader{text};
  std::vector<std::string> names;
  while (auto const field = reader.next()) names.emplace_back(field->name());
  return names;
}

}  // namespace

TEST_CASE("a line is a field, or it is not") {
  struct {
    std::string_view line;
    std::size_t colon;
  } const cases[] = {
      {"A: b", 1},
      {"A:", 1},
      {"Subject : x", 8},
      {"Subject \t : x", 10},
      {"!#$%&'*+-/=?^_`{|}~: x", 19 + 3},
      {"a:b:c", 1},
      {"A\n", std::string_view::npos},
      {"", std::string_view::npos},
      {": x", std::string_view::npos},
      {" A: b", std::string_view::npos},
      {"A b: c", std::string_view::npos},
      {"\xc3\xa4: b", std::string_view::npos},
      {"From a@b Thu Jan  1 00:00:00 1970", std::string_view::npos},
      {"A\x7f: b", std::string_view::npos},
      {"no colon", std::string_view::npos},
      {"A\r: b", std::string_view::npos},
  };
  for (auto const& [line, colon] : cases) {
    INFO(line);
    CHECK(find_field_colon(line) == (colon == 22 ? line.find(':') : colon));
  }
}

TEST_CASE("a header ends where it ends, however it comes in") {
  struct {
    std::string_view text;
    Split split;
  } const cases[] = {
      {"", {0, 0}},
      {"\n", {0, 1}},
      {"\n\n", {0, 1}},
      {"body", {0, 0}},
      {"body\nA: b\n", {0, 0}},
      {"A: b\n", {5, 5}},
      {"A: b", {4, 4}},
      {"A: b\n\nbody\n", {5, 6}},
      {"A: b\n\n", {5, 6}},
      {"A: b\nbody\n\nmore\n", {5, 5}},
      {"A: b\n c\n\t\n  d\n\nbody\n", {14, 15}},  // a fold of blanks alone: RFC 5322 A.6.3
      {" A: b\n\nbody", {0, 0}},                  // nothing to go on with
      {" \nbody", {0, 0}},
      {"A: b\n\r\nbody", {5, 5}},  // CR is data
      {"A: \r\n", {5, 5}},
      {"A : b\nB: c\n\n", {11, 12}},
      {"A:\nB:\n\n", {6, 7}},
      {"A: b\n c", {7, 7}},
  };
  for (auto const& [text, split] : cases)
    for (std::size_t piece = 1; piece <= text.size() + 1; ++piece) {
      INFO(text << " in pieces of " << piece);
      CHECK(split_in_pieces(text, piece) == split);
      HeaderReader reader{text};
      while (reader.next()) {
      }
      CHECK(reader.offset() == split.header);
    }
}

TEST_CASE("fields keep their bytes") {
  std::string_view const text = "Subject \t:  one\n two\n\n\tbody: x\n";
  HeaderReader reader{text};
  auto const field = reader.next();
  REQUIRE(field);
  CHECK(field->name() == "Subject");
  CHECK(field->is("sUBJECT"));
  CHECK_FALSE(field->is("Subjec"));
  CHECK(field->raw() == "Subject \t:  one\n two\n");
  CHECK(field->body() == "  one\n two\n");
  CHECK(field->unfolded() == "one two");
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.next());
  CHECK(reader.offset() == field->raw().size());
}

TEST_CASE("all 256 bytes stand in a body as they are") {
  std::string text = "X: ";
  for (int number = 0; number < 256; ++number)
    if (number != '\n') text += static_cast<char>(number);
  text += "\n";
  HeaderReader reader{text};
  auto const field = reader.next();
  REQUIRE(field);
  CHECK(field->raw() == text);
  CHECK_FALSE(reader.next());
}

TEST_CASE("the names of RFC 5322 A.6.3 are read") {
  CHECK(names_of("From  : a\nTo    : Mary Smith\n  \n   <m@x>\nDate  : x\n\nTesting: 1\n") ==
        std::vector<std::string>{"From", "To", "Date"});
}

TEST_CASE("a megabyte of folds and a million short lines take no time") {
  std::string folds = "A: b\n", fields;
  for (int i = 0; i < 500'000; ++i) folds += " \n";
  for (int i = 0; i < 250'000; ++i) fields += "A:\n";
  CHECK(names_of(folds).size() == 1);
  CHECK(names_of(fields).size() == 250'000);
  CHECK(split_in_pieces(folds, 4096).header == folds.size());
  CHECK(split_in_pieces(fields, 4096).header == fields.size());
}

TEST_CASE("a field is written as one field") {
  std::string const words(10, 'w');
  struct {
    std::string_view text;
    std::string_view field;
  } const cases[] = {
      {"x", "N: x\n"},           {"", "N:\n"},
      {"a  b\tc", "N: a b c\n"}, {"a\nBcc: b\n\nbody", "N: a Bcc: b body\n"},
      {"a\r\nb\n", "N: a b\n"},  {std::string_view{"a\0b", 3}, "N: a b\n"},
  };
  for (auto const& [text, field] : cases) {
    std::string header;
    append_field(header, "N", text);
    CHECK(header == field);
  }
}

TEST_CASE("long fields are folded at blanks") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "word" + std::to_string(i) + " ";
  text += std::string(100, 'x') + " end";
  std::string header = "First: 1\n";
  append_field(header, "Long", text);
  HeaderReader reader{header};
  CHECK(reader.next());
  auto const field = reader.next();
  REQUIRE(field);
  CHECK(field->unfolded() == text);
  CHECK(reader.offset() == header.size());
  for (std::size_t start = 0; start < header.size();) {
    std::size_t const end = header.find('\n', start);
    CHECK((end - start <= 78 || header.substr(start, end - start).find("xxx") != std::string::npos));
    start = end + 1;
  }
}
