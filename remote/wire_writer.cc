#include "remote/wire_writer.h"

#include <cerrno>

#include "lib/os/io.h"

namespace postern {

Status WireWriter::flush() {
  if (replies_ != nullptr && replies_->has_anything())
    return Error{Fate::temporary, "it spoke before it had the message", {}, EBUSY};
  auto status = write_all(fd_, waiting_, Deadline::in(block_time_).or_sooner(all_time_));
  waiting_.clear();
  return status;
}

Status WireWriter::add(std::string_view text) {
  while (!text.empty()) {
    if (waiting_.size() >= block_size) TRY(flush());
    if (is_at_line_start_ && framing_ == Framing::dots && text.front() == '.') waiting_ += '.';
    std::string_view piece = text.substr(0, block_size);
    std::size_t const end = piece.find('\n');
    is_at_line_start_ = end != std::string_view::npos;
    piece = piece.substr(0, end);
    waiting_ += piece;
    if (is_at_line_start_) waiting_ += "\r\n";
    text.remove_prefix(piece.size() + (is_at_line_start_ ? 1 : 0));
  }
  return Done{};
}

Status WireWriter::finish() {
  if (framing_ == Framing::dots) waiting_ += is_at_line_start_ ? ".\r\n" : "\r\n.\r\n";
  return flush();
}

}  // namespace postern
