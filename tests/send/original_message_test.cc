#include "send/original_message.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/os/fd.h"
#include "lib/os/io.h"

using namespace postern;
using namespace std::string_literals;

namespace {

// A queue file as far as a report looks at one: the message stands behind the frame.
struct Stored {
  explicit Stored(const std::string& message) : file(memfd_create("message", MFD_CLOEXEC)) {
    frame.message_length = message.size();
    REQUIRE(write_all(file.number(), std::string(Frame::size, 'f') + message));
  }
  Fd file;
  Frame frame{};
};

std::string text_of(const OriginalMessage& original) {
  std::string text;
  REQUIRE(original.stream([&text](std::string_view piece) -> Status {
    text += piece;
    return Done{};
  }));
  return text;
}

}  // namespace

TEST_CASE("an original goes whole where any host would take its lines, else its header does") {
  std::string const header = "Subject: x\nMessage-ID: <a@b>\n";
  struct {
    std::string body;
    std::uint64_t most;
    bool is_whole, has_eight_bit;
  } const cases[] = {
      {"hello\n", 1000, true, false},
      {"hello\n", header.size() + 1 + 6, true, false},
      {"hello\n", header.size() + 1 + 5, false, false},
      {"hello\n", 0, false, false},
      {"h\xc3\xbc\n", 1000, true, true},
      {std::string(998, 'x') + "\n", 10'000, true, false},
      {std::string(999, 'x') + "\n", 10'000, false, false},
      {std::string(70'000, '\n') + std::string(999, 'x') + "\n", 100'000, false, false},
      {"a\rb\n", 1000, false, false},
      {"a\0b\n"s, 1000, false, false},
      {"", 1000, true, false},
  };
  for (auto const& [body, most, is_whole, has_eight_bit] : cases) {
    CAPTURE(body.substr(0, 20), most);
    Stored const stored{header + "\n" + body};
    Envelope envelope;
    envelope.header_lines = "Received: here\n";
    auto const original = OriginalMessage::read(stored.file.number(), stored.frame, envelope, most);
    REQUIRE(original);
    CHECK(original->is_whole() == is_whole);
    CHECK(original->has_eight_bit() == has_eight_bit);
    CHECK(original->message_id() == "<a@b>");
    CHECK(text_of(*original) == "Received: here\n" + header + (is_whole ? "\n" + body : ""));
  }
}

TEST_CASE("a header that travels alone is tamed: long lines end early, at a whole character") {
  struct {
    std::string header, tamed;
  } const cases[] = {
      {"X: " + std::string(992, 'x') + "\nY: z\n", "X: " + std::string(992, 'x') + "\nY: z\n"},
      {"X: " + std::string(2000, 'x') + "\nY: z\n", "X: " + std::string(992, 'x') + "\nY: z\n"},
      {"X: " + std::string(991, 'x') + "\xe2\x82\xac\xe2\x82\xac\n", "X: " + std::string(991, 'x') + "\xe2\x82\xac\n"},
      {"X: a\rb\0c\n"s, "X: a?b?c\n"},
  };
  for (auto const& [header, tamed] : cases) {
    Stored const stored{header + "\nbody\n"};
    auto const original = OriginalMessage::read(stored.file.number(), stored.frame, Envelope{}, 0);
    REQUIRE(original);
    CHECK(text_of(*original) == tamed);
  }
}

TEST_CASE("a Message-ID is named only where it can stand in References") {
  struct {
    std::string field, id;
  } const cases[] = {
      {"Message-ID: <a@b>", "<a@b>"}, {"message-id:\n <a@b>", "<a@b>"}, {"Message-ID: <a@b> <c@d>", ""},
      {"Message-ID: <a b@c>", ""},    {"Message-ID: a@b", ""},          {"Message-ID: <>", ""},
      {"Message-ID: <a\n b>", ""},    {"Message-ID: <\xc3\xbc@b>", ""}, {"Message-ID: <" + std::string(300, 'x') + "@b>", ""},
      {"Subject: none", ""},
  };
  for (auto const& [field, id] : cases) {
    CAPTURE(field.substr(0, 30));
    Stored const stored{field + "\n\nMessage-ID: <body@b>\n"};
    CHECK(OriginalMessage::read(stored.file.number(), stored.frame, Envelope{}, 1000)->message_id() == id);
  }
}

TEST_CASE("a line is found at the front, in the body and where pieces meet, and only where a line begins") {
  struct {
    std::string message;
    bool is_there;
  } const cases[] = {
      {"Mark: x\n", true},
      {"a: b\n\nMark: x\n", true},
      {"a: b\n Mark: x\n", false},
      {"xMark: x\n", false},
      {"Mark", false},
      {"", false},
      {std::string(65'536, '\n') + "Mark:", true},
      {std::string(65'536 - 3, '\n') + "Mark:", true},
      {std::string(65'536 - 6, 'x') + "\nMark:", true},
      {std::string(65'536 - 1, 'x') + "\nMark:", true},
      {std::string(65'536, 'x') + "Mark:", false},
  };
  for (auto const& [message, is_there] : cases) {
    CAPTURE(message.size());
    Stored const stored{message};
    CHECK(*has_line_beginning(stored.file.number(), stored.frame, "Mark:") == is_there);
  }
}
