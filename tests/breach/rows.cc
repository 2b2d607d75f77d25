// The manifest as trace_check.py reads it. A line a promise: "promise NAME BIT NUMBERS...", its system calls; then a line a row,
// by tabs: "row", name, promises, paths ("PATH=RIGHTS" by blanks), sockets, children.
#include <cstdio>
#include <string>
#include <utility>

#include "lib/os/manifest.h"

using namespace postern;

namespace {

constexpr std::pair<const char*, unsigned> promises[] = {{"stdio", stdio},
                                                         {"read_files", read_files},
                                                         {"write_files", write_files},
                                                         {"local_sockets", local_sockets},
                                                         {"accepts", accepts},
                                                         {"forks", forks},
                                                         {"starts", starts},
                                                         {"becomes", becomes},
                                                         {"listens", listens},
                                                         {"restricts", restricts},
                                                         {"chowns", chowns},
                                                         {"loads", loads},
                                                         {"terminal", terminal},
                                                         {"connects", connects},
                                                         {"datagrams", datagrams},
                                                         {"interfaces", interfaces},
                                                         {"named_files", named_files}};

template <std::size_t I>
void say_promise() {
  static constexpr SyscallSet calls = syscalls_of(promises[I].second);
  std::string line = std::string{"promise "} + promises[I].first + " " + std::to_string(promises[I].second);
  for (std::size_t number = 0; number < calls.size(); ++number)
    if (calls[number]) line += " " + std::to_string(number);
  std::puts(line.c_str());
}

template <std::size_t... I>
void say_promises(std::index_sequence<I...>) {
  (say_promise<I>(), ...);
}

}  // namespace

int main() {
  say_promises(std::make_index_sequence<std::size(promises)>{});
  for (const Row& row : manifest) {
    // Who starts no other program keeps it for the processes that it forks.
    unsigned const own = row.promises | (row.promises & starts ? 0 : row.kept_for_children);
    std::string line = "row\t" + std::string{row.name} + "\t" + std::to_string(own) + "\t";
    for (const PathRule& rule : row.paths)
      if (!rule.path.empty()) line += std::string{rule.path} + "=" + std::to_string(rule.rights) + " ";
    line += "\t" + std::string{row.sockets} + "\t" + std::string{row.children};
    std::puts(line.c_str());
  }
  return 0;
}
