// queue_file - the frame of a queue file, which says whether the file is whole (doc/queue.md)
//
//   0                                                                                80        80 + message
//   | postern queue file 1: GENERATN MSGLENGTH... ENVLENGT MSGCRC32 ENVCRC32 FRAMECRC\n | message | envelope |
//
// All numbers are lower-case hexadecimal of fixed width, so the frame is one line of text. A file whose frame does not
// fit it was never acknowledged, or is damaged: it is never delivered.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/envelope.h"

namespace postern {

struct Frame {
  static constexpr std::size_t size = 80;

  std::uint32_t generation = 1;
  std::uint64_t message_length = 0;
  std::uint32_t envelope_length = 0;
  std::uint32_t message_crc = 0;
  std::uint32_t envelope_crc = 0;

  static Result<Frame> parse(Wire text);  // exactly `size` bytes
  std::string encoded() const;
  std::uint64_t file_length() const { return size + message_length + envelope_length; }
  friend bool operator==(const Frame&, const Frame&) = default;
};

struct QueueFile {
  Frame frame;
  std::string envelope_text;
};

// Frame and envelope of an open queue file, by pread: lengths hold and the envelope's CRC is right. The message's CRC
// is for whoever reads the message. A permanent error means: broken.
Result<QueueFile> read_queue_file(int fd);
// Only the frame, checked against the file's length.
Result<Frame> read_frame(int fd);

}  // namespace postern
