#include "lib/os/fd.h"

#include <unistd.h>

#include <cerrno>

namespace postern {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

void Fd::close() {
  if (number_ < 0) return;
  int const saved = errno;  // a destructor between a failed call and system_error() must not lie about the reason
  ::close(number_);
  errno = saved;
  number_ = -1;
}

}  // namespace postern
