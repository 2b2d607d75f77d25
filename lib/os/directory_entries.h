// directory_entries - what lies in a directory, one after the other, in no order and with no list of it
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "lib/core/result.h"
#include "lib/os/directory.h"

namespace postern {

struct CloseDirectory {
  void operator()(DIR* stream) const { closedir(stream); }
};

// Calls take(entry) for everything, . and .. too, until it says false. Listings do not share a position: each has an open file
// description of its own.
template <class Take>
Status for_each_entry(const Directory& directory, Take take) {
  int const number = openat(directory.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) return system_error("list a directory");
  std::unique_ptr<DIR, CloseDirectory> const stream{fdopendir(number)};
  if (!stream) {
    Error error = system_error("list a directory");
    close(number);
    return error;
  }
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(stream.get());
    if (!entry && errno != 0) return system_error("list a directory");
    if (!entry || !take(*entry)) return Done{};
  }
}

}  // namespace postern
