// A list of control/: lines come and go, all else stays byte by byte.
#include "tools/control_lines.h"

#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/os/io.h"
#include "tools/new_file.h"

using namespace postern;

namespace {

struct Place {
  Place() { REQUIRE(mkdtemp(path)); }
  ~Place() {
    unlink((std::string{path} + "/list").c_str());
    rmdir(path);
  }
  ControlLines read() const { return *ControlLines::read(*Directory::open(path), "list"); }
  void write(std::string_view text) const { REQUIRE(replace_file(*Directory::open(path), "list", 0644, text)); }
  std::string text() const { return *read_all(Directory::open(path)->open_file("list")->number(), 1000); }
  char path[32] = "/tmp/lines-XXXXXX";
};

bool is_b(std::string_view value) { return value == "b"; }

}  // namespace

TEST_CASE("lines of a control file") {
  Place const place;
  CHECK_FALSE(place.read().is_there());
  CHECK(place.read().values().empty());

  struct Case {
    std::string_view before;
    std::vector<std::string_view> values;
    std::string_view without_b, with_c;
  };
  Case const cases[] = {
      {"", {}, "", "c\n"},
      {"b", {"b"}, "", "b\nc\n"},
      {"a\nb\n", {"a", "b"}, "a\n", "a\nb\nc\n"},
      {"# b\n\n \tb \r\n#b\nbb\n", {"b", "bb"}, "# b\n\n#b\nbb\n", "# b\n\n \tb \r\n#b\nbb\nc\n"},
      {"b\nb\n  \nx # b\n", {"b", "b", "x # b"}, "  \nx # b\n", "b\nb\n  \nx # b\nc\n"},
      {"# no newline", {}, "# no newline\n", "# no newline\nc\n"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.before);
    place.write(one.before);
    ControlLines lines = place.read();
    CHECK(lines.is_there());
    CHECK(lines.values() == one.values);
    CHECK(lines.remove(is_b) == (std::count(one.values.begin(), one.values.end(), "b") != 0));
    REQUIRE(lines.save(*Directory::open(place.path)));
    CHECK(place.text() == one.without_b);

    place.write(one.before);
    lines = place.read();
    lines.add("c");
    REQUIRE(lines.save(*Directory::open(place.path)));
    CHECK(place.text() == one.with_c);
  }
}
