#include "send/original_message.h"

#include <sys/random.h>

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/base32.h"
#include "lib/mail/header.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::uint64_t piece_size = 65536;
constexpr std::uint64_t longest_header = 256u << 10;

}  // namespace

Status OriginalMessage::read_piece(std::uint64_t at, std::string& piece) const {
  piece.resize(std::min(piece_size, length_ - at));
  return pread_exactly(fd_, piece, static_cast<off_t>(Frame::size + at));
}

Result<OriginalMessage> OriginalMessage::read(int fd, const Frame& frame, const Envelope& envelope, std::uint64_t most) {
  OriginalMessage original{fd, envelope.header_lines};
  original.is_whole_ = frame.message_length <= most && envelope.ret != Return::headers;  // RFC 3461 §4.3
  original.length_ = frame.message_length;
  if (!original.is_whole_) {
    original.length_ = std::min(frame.message_length, longest_header);
    std::string start(original.length_, '\0');
    TRY(pread_exactly(fd, start, static_cast<off_t>(Frame::size)));
    HeaderEnd end;
    if (!end.find_in(start)) end.finish(start);
    original.lines_.append(start, 0, end.header_length());
    original.length_ = 0;
  }
  TRY(original.look_through());
  return original;
}

Status OriginalMessage::look_through() {
  return stream([this](std::string_view piece) -> Status {
    if (!is_all_ascii(piece)) has_eight_bit_ = true;
    return Done{};
  });
}

Result<std::string> OriginalMessage::boundary() const {
  for (;;) {
    std::uint64_t chance[2];
    if (getrandom(chance, sizeof chance, 0) != static_cast<ssize_t>(sizeof chance)) return system_error("getrandom");
    std::string const text = "=_" + base32(chance[0], 12) + base32(chance[1], 12);
    bool is_found = false;
    std::string tail;  // what may begin at the end of one piece and go on in the next
    TRY(stream([&](std::string_view piece) -> Status {
      tail += piece;
      is_found = is_found || tail.find(text) != std::string::npos;
      if (tail.size() > text.size()) tail.erase(0, tail.size() - text.size());
      return Done{};
    }));
    if (!is_found) return text;
  }
}

}  // namespace postern
