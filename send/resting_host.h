// resting_host - a line of state/destinations: a host that could not be reached, and until when it is left alone
//
//   NAME UNTIL RESTS TEXT      UNTIL in seconds since 1970; RESTS in a row; NAME and TEXT quoted (lib/core/quoted.h)
//
// queue-send rewrites the file when it has changed, every ten seconds at most, and reads it when it starts, so that a
// restart does not ask all dead hosts again. A line that is no such line counts as nothing.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

struct RestingHost {
  std::string name;  // a Destination's text
  std::int64_t until;
  std::uint32_t rests;
  std::string text;  // what it said, or what became of the attempt

  std::string encoded() const;                  // with its LF
  static Result<RestingHost> parse(Wire line);  // without LF
};

}  // namespace postern
