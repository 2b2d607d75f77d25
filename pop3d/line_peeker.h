// line_peeker - lines from a socket, and not a byte behind the one that was asked for
//
// What a client sends behind the line that completes its login is for another process, and what it sends behind STLS is a
// reason to hang up: it stays in the socket, where both find it.
#pragma once

#include <optional>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class LinePeeker {
 public:
  explicit LinePeeker(int socket) : socket_(socket) {}
  ~LinePeeker();

  // The next line with its LF, valid until the next call, which wipes it; an error: longer than `most` bytes (permanent), or
  // too late. Nothing at the client's end.
  Result<std::optional<Wire>> next(std::size_t most, Deadline deadline);
  // Whether a byte is there, or the client's end.
  bool has_more() const;

 private:
  int socket_;
  std::string line_;
};

}  // namespace postern
