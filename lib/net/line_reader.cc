#include "lib/net/line_reader.h"

#include <cstring>

#include "lib/os/io.h"

namespace postern {

Status LineReader::fill(Deadline deadline) {
  if (start_ == end_) start_ = end_ = 0;
  if (end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
    end_ -= start_;
    start_ = 0;
  }
  std::size_t const got = TRY(read_some(fd_, std::span{buffer_}.subspan(end_), deadline));
  at_end_ = got == 0;
  end_ += got;
  return Done{};
}

Result<std::optional<LineReader::Line>> LineReader::next(std::size_t most, Deadline deadline) {
  std::size_t searched = 0;
  if (most > room) most = room;
  for (;;) {
    std::string_view const waiting{buffer_.data() + start_, end_ - start_};
    std::size_t const at = waiting.find('\n', searched);
    if (at != std::string_view::npos && at < most) {
      start_ += at + 1;
      return std::optional{Line{Wire{waiting.substr(0, at + 1)}, false}};
    }
    if (at != std::string_view::npos || waiting.size() >= most) break;
    searched = waiting.size();
    TRY(fill(deadline));
    if (at_end_) return std::optional<Line>{};  // a last line without its end is no line
  }
  return read_away(most, deadline);
}

// A line that is too long: what it began with stays to be answered.
Result<std::optional<LineReader::Line>> LineReader::read_away(std::size_t kept, Deadline deadline) {
  std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
  end_ -= start_;
  for (start_ = kept;;) {
    std::string_view const waiting{buffer_.data() + start_, end_ - start_};
    std::size_t const at = waiting.find('\n');
    if (at != std::string_view::npos) {
      start_ += at + 1;
      return std::optional{Line{Wire{std::string_view{buffer_.data(), kept}}, true}};
    }
    std::size_t const got = TRY(read_some(fd_, std::span{buffer_}.subspan(kept), deadline));
    start_ = kept;
    end_ = kept + got;
    at_end_ = got == 0;
    if (at_end_) {
      start_ = end_ = 0;
      return std::optional<Line>{};
    }
  }
}

Result<std::string_view> LineReader::some(Deadline deadline) {
  if (start_ == end_) {
    TRY(fill(deadline));
    if (at_end_) return std::string_view{};
  }
  return std::string_view{buffer_.data() + start_, end_ - start_};
}

void LineReader::wipe() {
  explicit_bzero(buffer_.data(), start_);
  explicit_bzero(buffer_.data() + end_, buffer_.size() - end_);
}

}  // namespace postern
