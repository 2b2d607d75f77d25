// injection_request - one message and its envelope as they come in over a client's connection (lib/net/queue_protocol.h)
#pragma once

#include <memory>
#include <string>

#include "lib/net/queue_protocol.h"
#include "lib/os/service.h"

namespace postern {

// Frames of one connection, one after the other, from a fixed room. A view is valid until the next call.
class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd), room_(std::make_unique<char[]>(room_size)) {}

  struct QueueFrame {
    char letter;
    std::string_view content;
  };
  // Nothing at the end of the connection, which may only come between frames.
  Result<std::optional<QueueFrame>> next(Deadline deadline);
  bool has_waiting() const { return start_ != end_; }

 private:
  static constexpr std::size_t room_size = 2 * (queue_frame_head + queue_frame_most);
  // True: at least `bytes` are there. False: the connection ended before the first of them.
  Result<bool> have(std::size_t bytes, Deadline deadline);

  int fd_;
  std::unique_ptr<char[]> room_;
  std::size_t start_ = 0;
  std::size_t end_ = 0;
};

}  // namespace postern
