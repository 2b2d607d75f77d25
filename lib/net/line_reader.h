// line_reader - bytes from a descriptor, bounded in length and in time
//
// Lines for commands (next) and raw pieces for bulk data (some), from one buffer, so what a client pipelined behind a
// command is never lost. A Wire or view that it gives is valid until the next call.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class LineReader {
 public:
  static constexpr std::size_t room = 65536;

  explicit LineReader(int fd) : fd_(fd) {}

  // The next line with its line end, whatever it is ("x\r\n", "x\n"); cut off at `most` bytes, and then the rest of
  // the line is read away and `was_cut` says so. Nothing at end of file.
  struct Line {
    Wire bytes;
    bool was_cut;
  };
  Result<std::optional<Line>> next(std::size_t most, Deadline deadline);
  // What is there, at least one byte after waiting; empty at end of file. Bytes count as read once consumed.
  Result<std::string_view> some(Deadline deadline);
  void consume(std::size_t bytes) { start_ += bytes; }
  // What is in the buffer: without a whole line there (or, for bulk data, a byte), the next call waits, and the moment
  // has come to answer a batch (RFC 2920).
  bool has_line() const { return std::string_view{buffer_.data() + start_, end_ - start_}.find('\n') != std::string_view::npos; }
  bool nothing_waiting() const { return start_ == end_; }
  void wipe();                          // overwrites all that was read and given: a password stood there
  void forget() { start_ = end_ = 0; }  // at STARTTLS

 private:
  Status fill(Deadline deadline);  // at_end_ at the end
  Result<std::optional<Line>> read_away(std::size_t kept, Deadline deadline);
  int fd_;
  std::size_t start_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  static constexpr std::size_t spare = 4096;  // behind the beginning of a line that is too long, to read the rest of it away
  std::array<char, room + spare> buffer_;
};

}  // namespace postern
