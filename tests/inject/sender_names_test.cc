// Tests of inject's modules: names in From, the command line, line ends at every split.
#include "inject/sender_names.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "inject/command_line.h"
#include "inject/message_source.h"
#include "lib/os/fd.h"
#include "lib/os/io.h"

using namespace postern;

TEST_CASE("a display name is written so that it is one") {
  struct {
    std::string name;
    std::string phrase;
    std::string comment;
  } const cases[] = {
      {"Joe Public", "Joe Public", "(Joe Public)"},
      {"Joe Q. Public", "\"Joe Q. Public\"", "(Joe Q. Public)"},
      {"a\"b\\c", "\"a\\\"b\\\\c\"", "(a\"b\\\\c)"},
      {"x (y)", "\"x (y)\"", "(x \\(y\\))"},
      {"<a@b>, c", "\"<a@b>, c\"", "(<a@b>, c)"},
      {"a\nBcc: b", "\"a Bcc: b\"", "(a Bcc: b)"},
      {"  a  ", "a", "(a)"},
      {"J\xc3\xb6rg ?=", "=?utf-8?Q?J=C3=B6rg_=3F=3D?=", "(=?utf-8?Q?J=C3=B6rg_=3F=3D?=)"},
      {"a\xff", "a?", "(a?)"},
  };
  for (auto const& [name, phrase, comment] : cases) {
    INFO(name);
    CHECK(written_phrase(name) == phrase);
    CHECK(written_comment(name) == comment);
  }
}

TEST_CASE("long names become encoded words of at most 75 bytes, each of whole characters") {
  std::string name;
  for (int i = 0; i < 200; ++i) name += "\xe6\xbc\xa2";
  std::string const phrase = written_phrase(name);
  std::string_view rest = phrase;
  std::size_t characters = 0;
  while (!rest.empty()) {
    std::size_t const end = rest.find(' ');
    std::string_view const word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    CHECK(word.size() <= 75);
    REQUIRE(word.starts_with("=?utf-8?Q?"));
    REQUIRE(word.ends_with("?="));
    std::string_view const content = word.substr(10, word.size() - 12);
    CHECK(content.size() % 9 == 0);  // "=E6=BC=A2" each
    characters += content.size() / 9;
  }
  CHECK(characters == 66);  // 200 bytes, cut at a whole one
}

TEST_CASE("QMAILINJECT's letters") {
  CHECK(InjectFlags::parse("")->marks_sender == false);
  auto const all = InjectFlags::parse("csfim");
  REQUIRE(all);
  CHECK((all->puts_name_in_comment && all->ignores_return_path && all->replaces_from && all->replaces_message_id &&
         all->marks_sender));
  for (std::string_view const wrong : {"r", "x", "c ", "C"}) CHECK_FALSE(InjectFlags::parse(wrong));
}

TEST_CASE("the command line") {
  struct {
    std::vector<std::string_view> words;
    bool good;
    RecipientSource source;
    bool takes_header, takes_arguments;
    std::size_t recipients;
  } const cases[] = {
      {{}, true, RecipientSource::arguments_else_header, true, true, 0},
      {{"a@b"}, true, RecipientSource::arguments_else_header, false, true, 1},
      {{"-a", "a@b"}, true, RecipientSource::arguments, false, true, 1},
      {{"-h", "a@b"}, true, RecipientSource::header, true, false, 1},
      {{"-H", "a@b"}, true, RecipientSource::both, true, true, 1},
      {{"-aH"}, true, RecipientSource::both, true, true, 0},
      {{"-hA", "--", "-x"}, true, RecipientSource::arguments_else_header, false, true, 1},
      {{"a@b", "-h"}, true, RecipientSource::arguments_else_header, false, true, 2},
      {{"-"}, true, RecipientSource::arguments_else_header, false, true, 1},
      {{"-hf", "s", "a@b"}, true, RecipientSource::header, true, false, 1},
      {{"-f"}, false, {}, {}, {}, 0},
      {{"--dir"}, false, {}, {}, {}, 0},
      {{"-x"}, false, {}, {}, {}, 0},
      {{"--help"}, false, {}, {}, {}, 0},
  };
  for (auto const& test : cases) {
    Args args;
    args.arguments = test.words;
    auto const line = CommandLine::parse(args);
    REQUIRE(line.has_value() == test.good);
    if (!line) continue;
    CHECK(line->source == test.source);
    CHECK(line->takes_header() == test.takes_header);
    CHECK(line->takes_arguments() == test.takes_arguments);
    CHECK(line->recipients.size() == test.recipients);
  }
}

TEST_CASE("all words of up to seven over CR, LF and x become LF lines, at every split of two") {
  std::size_t count = 1;
  for (std::size_t length = 0; length <= 7; ++length, count *= 3)
    for (std::size_t number = 0; number < count; ++number) {
      std::string word, expected;
      for (std::size_t i = 0, rest = number; i < length; ++i, rest /= 3) word += "\r\nx"[rest % 3];
      for (std::size_t i = 0; i < length; ++i)
        if (word[i] != '\r' || i + 1 == length || word[i + 1] != '\n') expected += word[i];
      if (!expected.empty() && expected.back() != '\n') expected += '\n';
      for (std::size_t cut = 0; cut <= length; ++cut) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        Fd const reading{ends[0]};
        Fd writing{ends[1]};
        REQUIRE(write_all(writing.number(), "\n"));  // no header
        MessageSource source{reading.number()};
        REQUIRE(source.read_header(1024));
        std::string got;
        REQUIRE(write_all(writing.number(), word.substr(0, cut)));
        if (cut > 0 && (cut > 1 || word[0] != '\r')) got += *source.next_body();
        REQUIRE(write_all(writing.number(), word.substr(cut)));
        writing.close();
        for (std::string_view piece; !(piece = *source.next_body()).empty();) got += piece;
        REQUIRE(got == expected);
      }
    }
}
