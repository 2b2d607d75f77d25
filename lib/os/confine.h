// confine - a row of the manifest made true for this process
#pragma once

#include <cstdint>
#include <span>

#include "lib/core/result.h"
#include "lib/os/filter.h"
#include "lib/os/manifest.h"

namespace postern {

// Everything confine() of program.h does, for a given row and its filter; called by main.cc and by the tests of rows.
Status confine_to(const Row& row, const Filter& filter);

// confine() of program.h, and a right to one more directory: one that the operator named, never a stranger.
Status confine_with(const PathRule& besides);
// Likewise, and a right to connect to further ports.
Status confine_with(std::span<const std::uint16_t> ports);

// For a process that a confined one has forked, and which is to serve a stranger: from here on it has what it has open, no
// file, no new socket and no process. The row keeps `restricts` for its children.
Status confine_child();

// The kernel's Landlock: 0 is none at all; less, and errno says why it could not be asked.
int landlock_version();

}  // namespace postern
