// service_user - from root to the user that a service runs as, for good
#pragma once

#include "lib/os/program.h"

namespace postern {

// Becomes the user, group and supplementary groups that UID, GID and GIDLIST name (numbers, as s6-envuidgid sets them),
// and reads them back. Root must be told to become somebody else, and nobody else can be told to become another.
Status become_service_user(const Args& args);

}  // namespace postern
