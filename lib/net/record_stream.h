// record_stream - the records of deliveries as they arrive on a stream socket, and the descriptors that came with them
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

class RecordStream {
 public:
  explicit RecordStream(Fd socket) : socket_(std::move(socket)) {}
  int number() const { return socket_.number(); }

  // Reads once, waiting for it. False: the other side is gone.
  bool receive();
  // The next whole record's body, or nothing yet; an error when what came cannot be one.
  Result<std::optional<std::string>> next();
  // In the order in which they came; none is open.
  Fd take_fd();

 private:
  Fd socket_;
  std::string bytes_;
  std::deque<Fd> fds_;
};

}  // namespace postern
