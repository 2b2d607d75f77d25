// program - what every program defines, and what it is given
//
// main() exists once, in main.cc. It takes the variables that the program's row of the manifest names and empties the
// environment, checks that descriptors 0 to 2 are open, closes what the row does not name besides, clears the umask,
// ignores SIGPIPE, runs program(), and turns the answer into one line on descriptor 2 and an exit code: 0; 100 for a
// permanent error; 111 for a temporary one.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/core/result.h"

namespace postern {

struct Args {
  std::vector<std::string_view> arguments;                                 // without the program's own name
  std::vector<std::pair<std::string_view, std::string_view>> environment;  // only what the manifest's row names

  std::optional<std::string_view> variable(std::string_view name) const;
};

// For a program whose exit code says more than an Error can (checks, 99 ...): exits at once with it.
[[noreturn]] void exit_program(int code);

extern const std::string_view program_name;

// Restricts this process to its program's row of the manifest, for good: no new privileges, Landlock for files,
// rlimits, and a seccomp filter. Called after everything is acquired and before the first foreign byte is read.
// Fails closed. Children of a fork inherit it all.
Status confine();

}  // namespace postern

// Defined by the program's file.
postern::Status program(postern::Args);
