#include "queue/injection_request.h"

#include <cstring>

#include "lib/os/io.h"

namespace postern {

Result<bool> FrameReader::have(std::size_t bytes, Deadline deadline) {
  while (end_ - start_ < bytes) {
    if (room_size - start_ < bytes) {
      std::memmove(room_.get(), room_.get() + start_, end_ - start_);
      end_ -= start_;
      start_ = 0;
    }
    std::size_t const got = TRY(read_some(fd_, std::span{room_.get() + end_, room_size - end_}, deadline));
    if (got == 0 && start_ == end_) return false;
    if (got == 0) return permanent("the client ended in the middle of a frame");
    end_ += got;
  }
  return true;
}

Result<std::optional<FrameReader::QueueFrame>> FrameReader::next(Deadline deadline) {
  if (start_ == end_) start_ = end_ = 0;
  if (!TRY(have(queue_frame_head, deadline))) return std::optional<QueueFrame>{};
  QueueFrameHead const head = TRY(QueueFrameHead::parse(Wire{std::string_view{room_.get() + start_, queue_frame_head}}));
  TRY(have(queue_frame_head + head.length, deadline));
  std::string_view const content{room_.get() + start_ + queue_frame_head, head.length};
  start_ += queue_frame_head + head.length;
  return std::optional{QueueFrame{head.letter, content}};
}

}  // namespace postern
