// original_message - the message in a queue file, as a bounce carries it: whole, or its header
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/mail/queue_file.h"

namespace postern {

class OriginalMessage {
 public:
  // What came in front on delivery is part of it. `most`: longer messages lose their body; so does any if asked.
  static Result<OriginalMessage> read(int fd, const Frame& frame, const Envelope& envelope, std::uint64_t most);

  bool is_whole() const { return is_whole_; }
  bool has_eight_bit() const { return has_eight_bit_; }
  // Text that is found nowhere in it: chance, and looked for.
  Result<std::string> boundary() const;
  // Gives it piece by piece to `take`, a function of a string_view that answers a Status.
  template <class Take>
  Status stream(Take take) const {
    TRY(take(std::string_view{lines_}));
    std::string piece;
    for (std::uint64_t at = 0; at < length_; at += piece.size()) {
      TRY(read_piece(at, piece));
      TRY(take(std::string_view{piece}));
    }
    return Done{};
  }

 private:
  OriginalMessage(int fd, std::string lines) : fd_(fd), lines_(std::move(lines)) {}
  Status read_piece(std::uint64_t at, std::string& piece) const;
  Status look_through();

  int fd_;
  std::string lines_;         // header lines in front; and of a message without its body, the header itself
  std::uint64_t length_ = 0;  // bytes of the file's message behind lines_
  bool is_whole_ = false;
  bool has_eight_bit_ = false;
};

}  // namespace postern
