// signals - signals as events of a descriptor: no handler ever runs
#pragma once

#include <initializer_list>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

// Blocks these signals and gives a non-blocking descriptor that is readable when one is waiting.
Result<Fd> signal_events(std::initializer_list<int> signals);
// The next one that waits, or 0.
int next_signal(const Fd& events);

}  // namespace postern
