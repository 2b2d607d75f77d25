#include "local/message_copy.h"

#include <memory>
#include <span>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"
#include "lib/os/io.h"

namespace postern {

void LoopWatch::see(std::string_view bytes) {
  while (is_in_header_ && !bytes.empty()) {
    std::size_t const end = bytes.find('\n');
    std::string_view const piece = bytes.substr(0, end);
    line_.append(piece.substr(0, longest_line - line_.size()));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    end_line();
  }
}

void LoopWatch::end_line() {
  constexpr std::string_view field = "delivered-to:";
  if (line_.empty()) is_in_header_ = false;
  if (starts_with_ignoring_case(line_, field) &&
      equal_ignoring_case(trimmed(std::string_view{line_}.substr(field.size())), recipient_))
    is_loop_ = true;
  line_.clear();
}

Result<MessageSize> copy_message(int queue_file, const Frame& frame, std::string_view in_front, std::string_view recipient,
                                 int to) {
  constexpr std::size_t room_size = 65536;
  auto const room = std::make_unique_for_overwrite<char[]>(room_size);
  LoopWatch watch{recipient};
  MessageSize written;
  std::uint32_t crc = 0;
  std::uint64_t done = 0;
  do {
    std::uint64_t const left = frame.message_length - done;
    std::size_t const size = left < room_size ? static_cast<std::size_t>(left) : room_size;
    TRY(pread_exactly(queue_file, std::span{room.get(), size}, static_cast<off_t>(Frame::size + done)));
    std::string_view const piece{room.get(), size};
    crc = crc32c(crc, piece);
    watch.see(piece);
    bool const would_go_on = !in_front.empty() && !piece.empty() && is_blank(piece.front());
    if (would_go_on) TRY(write_all(to, in_front, "\n"));
    TRY(write_all(to, would_go_on ? std::string_view{} : in_front, piece));
    written.see(in_front);
    if (would_go_on) written.see("\n");
    written.see(piece);
    in_front = {};
    done += size;
  } while (done < frame.message_length);
  if (crc != frame.message_crc) return temporary("4.3.0 the message in the queue is damaged (its checksum is wrong)");
  if (watch.is_loop()) return permanent("5.4.6 the message loops: it was delivered to this address before");
  return written;
}

}  // namespace postern
