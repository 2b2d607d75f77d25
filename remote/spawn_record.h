// spawn_record - a record of remote-spawn, and the descriptor that came with it
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

struct SpawnRecord {
  std::string body;
  Fd fd;
};
// Waits for it. Nothing: remote-spawn is gone.
Result<std::optional<SpawnRecord>> receive_record(int socket);

}  // namespace postern
