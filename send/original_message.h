// original_message - the message in a queue file, as a report carries it: whole, or its header
//
// It goes whole only where that can be: not too long, of lines that any host takes (RFC 5321 §4.5.3.1.6), without CR and
// NUL. Else its header goes, with long lines cut and what may not stand in mail replaced by '?'.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/mail/queue_file.h"

namespace postern {

class OriginalMessage {
 public:
  // What came in front on delivery is part of it. `most`: of longer messages only the header; of all if it is 0.
  static Result<OriginalMessage> read(int fd, const Frame& frame, const Envelope& envelope, std::uint64_t most);

  bool is_whole() const { return is_whole_; }
  bool has_eight_bit() const { return has_eight_bit_; }
  const std::string& message_id() const { return message_id_; }  // "<...>"; empty where there is none that can be named
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
  Result<bool> look_through();  // may its lines travel as they are?

  int fd_;
  std::string lines_;         // header lines in front; and of a message without its body, the header itself
  std::uint64_t length_ = 0;  // bytes of the file's message behind lines_
  std::string message_id_;
  bool is_whole_ = false;
  bool has_eight_bit_ = false;
};

// Does any line of the message, in its header or further down, begin so?
Result<bool> has_line_beginning(int fd, const Frame& frame, std::string_view start);

}  // namespace postern
