// doc/settings.md says what lib/os/settings.h says, row by row. After a change of the table this test fails and leaves
// the page as it should be in build/tests/settings.md.
#include "lib/os/settings.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "lib/os/manifest.h"

using namespace postern;

namespace {

constexpr std::string_view head =
    "# Settings\n"
    "\n"
    "Every setting is a small file in `control/`, below Postern's directory; a missing file means the default. A *number* is\n"
    "decimal and within its bounds. A *line* is the first line of the file, without blanks at its ends. A *list* is one value\n"
    "a line; empty lines and lines that begin with `#` do not count. A file that is there and wrong is never taken for a\n"
    "missing one: the program says which file it is and what is wrong with it, and does not start, or asks its client to try\n"
    "again later; queue-send goes on with what it had.\n"
    "\n"
    "Nothing needs to be told of a change: the last column but one says when it counts. Where that is the next connection or\n"
    "message, those under way keep what they began with.\n"
    "\n"
    "`control/accounts` is no setting: it holds the uid of each `pn-` user, written by `tools/setup-accounts` and read when a\n"
    "service starts.\n"
    "\n"
    "This page is compared with `lib/os/settings.h` by a test.\n"
    "\n"
    "| file | what it is | when missing | bounds | read by | a change counts | what it means |\n"
    "|---|---|---|---|---|---|---|\n";

std::string page() {
  std::ostringstream text;
  text << head;
  for (const Setting& setting : settings) {
    std::string_view const kind = setting.kind == Kind::number ? "number" : setting.kind == Kind::line ? "line" : "list";
    text << "| `" << setting.name << "` | " << kind << " | " << setting.missing << " | ";
    if (setting.kind == Kind::number)
      text << setting.least << " to " << setting.most;
    else
      text << "–";
    text << " | " << setting.readers << " | " << setting.counts << " | " << setting.meaning << " |\n";
  }
  return text.str();
}

}  // namespace

TEST_CASE("doc/settings.md is the table of settings.h") {
  std::ifstream file{"doc/settings.md"};
  std::ostringstream found;
  found << file.rdbuf();
  if (found.str() != page()) std::ofstream{"build/tests/settings.md"} << page();
  INFO("the page as it should be is build/tests/settings.md");
  CHECK(found.str() == page());
}

TEST_CASE("settings have one name each, and are read by programs that exist") {
  std::set<std::string_view> names;
  for (const Setting& setting : settings) {
    INFO(setting.name);
    CHECK(names.insert(setting.name).second);
    CHECK(setting.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos);
    std::istringstream readers{std::string{setting.readers}};
    for (std::string reader; readers >> reader;) {
      INFO(reader);
      bool is_known = false;
      for (const Row& row : manifest) is_known |= row.name == reader;
      CHECK(is_known);
    }
  }
}
