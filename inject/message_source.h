// message_source - a message from a descriptor, with LF line ends whatever it came with
//
// CR LF becomes LF, any other CR is data, and the last line gets its end if it has none. A first line as mailbox files
// have it ("From me Sun Nov 22 ...") is dropped. The header is held whole, and bounded; the body goes through in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/result.h"

namespace postern {

class MessageSource {
 public:
  explicit MessageSource(int fd) : fd_(fd) {}

  Status read_header(std::size_t most);  // a permanent error when it has more bytes; header() is valid until next_body()
  std::string_view header() const { return std::string_view{text_}.substr(0, header_length_); }
  // Reads on until so many bytes are here, or all: so a slow writer does not keep a connection waiting.
  Status read_ahead(std::size_t bytes);
  // The next piece of the body, valid until the next call; empty at the end.
  Result<std::string_view> next_body();
  bool is_over() const { return is_at_end_; }            // what next_body() gave last was the rest
  bool has_eight_bit() const { return has_eight_bit_; }  // in what was read so far, the header included

 private:
  Status fill();
  void take(std::string_view bytes);
  Status drop_mailbox_line();
  int fd_;
  std::string text_;  // read and not yet given
  std::size_t header_length_ = 0;
  std::size_t body_start_ = 0;
  bool is_at_end_ = false;
  bool holds_return_ = false;  // a CR came last, and what follows decides
  bool ends_line_ = true;
  bool has_eight_bit_ = false;
};

}  // namespace postern
