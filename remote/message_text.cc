#include "remote/message_text.h"

#include <sys/mman.h>

#include <utility>

#include "lib/os/io.h"

namespace postern {

Result<MessageText> MessageText::open(int queue_file, const Frame& frame) {
  MessageText text;
  if (frame.message_length <= read_most) {
    text.read_.resize(static_cast<std::size_t>(frame.message_length));
    TRY(pread_exactly(queue_file, text.read_, static_cast<off_t>(Frame::size)));
    return text;
  }
  std::size_t const length = Frame::size + static_cast<std::size_t>(frame.message_length);
  void* const mapped = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, queue_file, 0);
  if (mapped == MAP_FAILED) return system_error("map the message");
  text.mapped_ = mapped;
  text.mapped_length_ = length;
  return text;
}

MessageText::MessageText(MessageText&& other) noexcept
    : read_(std::move(other.read_)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_length_(std::exchange(other.mapped_length_, 0)) {}

MessageText::~MessageText() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_length_);
}

std::string_view MessageText::bytes() const {
  if (mapped_ == nullptr) return read_;
  return std::string_view{static_cast<const char*>(mapped_), mapped_length_}.substr(Frame::size);
}

}  // namespace postern
