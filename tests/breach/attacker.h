// attacker - what stands in the place of a program that a stranger took over; linked into build/tests/breach/NAME only
#pragma once

#include <string>
#include <vector>

#include "lib/os/filter.h"
#include "lib/os/manifest.h"

namespace postern {

// Called by confine() of these builds (lib/os/main.cc). For every line of DIR/bin/NAME.plan (DIR/bin/NAME is the program) a child
// confines itself to the row, with everything that the program holds at that moment, and tries it. The answers go to
// descriptor 2; then the program is over.
[[noreturn]] void attack(const Row& row, const Filter& filter);

// What an attempt found: 0 is that it can be done, else errno.
using Words = std::vector<std::string>;
struct Attempt {
  const char* name;
  int (*make)(const Words& words, const Row& row);
};
const Attempt* find_attempt(const std::string& name);

// More processes than the row grants? Each starts the next and waits for it. 0: yes.
int fork_bomb(long call, const Row& row);

}  // namespace postern
