// message_text - the bytes of a queued message, all of them at once
//
// A message of up to read_most bytes is read; a longer one is mapped, so that it costs no memory and its pages are shared by all
// who deliver it. Nobody shortens a queue file once it was acknowledged; a disk that cannot give a page back ends the process,
// and what it was delivering stays queued.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/queue_file.h"

namespace postern {

class MessageText {
 public:
  static constexpr std::size_t read_most = 1u << 20;

  static Result<MessageText> open(int queue_file, const Frame& frame);
  MessageText(MessageText&& other) noexcept;
  MessageText& operator=(MessageText&&) = delete;
  ~MessageText();

  // Valid as long as this object, and as long as it is not moved.
  std::string_view bytes() const;

 private:
  MessageText() = default;
  std::string read_;
  void* mapped_ = nullptr;
  std::size_t mapped_length_ = 0;
};

}  // namespace postern
