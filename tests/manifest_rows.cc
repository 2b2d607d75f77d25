// The manifest as tree_check.py reads it: a line a row; name, account, descriptors, children, paths and what it connects to, by tabs.
#include <cstdio>
#include <string>

#include "lib/os/manifest.h"

using namespace postern;

int main() {
  for (const Row& row : manifest) {
    std::string line;
    for (std::string_view const field : {row.name, account_names[static_cast<std::size_t>(row.account)], row.fds, row.children, row.sockets}) {
      line += field;
      line += '\t';
    }
    for (const PathRule& rule : row.paths) {
      line += rule.path;
      line += ' ';
    }
    std::puts(line.c_str());
  }
  return 0;
}
