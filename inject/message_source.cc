#include "inject/message_source.h"

#include "lib/core/ascii.h"
#include "lib/mail/header.h"
#include "lib/os/io.h"

namespace postern {

void MessageSource::take(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!is_all_ascii(bytes)) has_eight_bit_ = true;
  if (holds_return_ && bytes.front() != '\n') text_ += '\r';
  holds_return_ = bytes.back() == '\r';
  if (holds_return_) bytes.remove_suffix(1);
  while (!bytes.empty()) {
    std::size_t const pair = bytes.find("\r\n");
    text_ += bytes.substr(0, pair);
    bytes.remove_prefix(pair == std::string_view::npos ? bytes.size() : pair + 1);
  }
  if (!text_.empty()) ends_line_ = text_.back() == '\n';
}

Status MessageSource::fill() {
  char room[65536];
  std::size_t const got = TRY(read_some(fd_, room));
  take({room, got});
  if (got > 0) return Done{};
  is_at_end_ = true;
  if (holds_return_) text_ += '\r';
  if (holds_return_ || !ends_line_) text_ += '\n';
  return Done{};
}

Status MessageSource::drop_mailbox_line() {
  while (!is_at_end_ && text_.find('\n') == std::string::npos && text_.size() < 4096) TRY(fill());
  if (text_.starts_with("From ") || text_.starts_with(">From ")) {
    std::size_t const end = text_.find('\n');
    if (end != std::string::npos) text_.erase(0, end + 1);
  }
  return Done{};
}

Status MessageSource::read_header(std::size_t most) {
  TRY(drop_mailbox_line());
  HeaderEnd end;
  while (!end.find_in(text_)) {
    if (text_.size() > most) return permanent("the header is too large, or has no end (control/maxheaderbytes)");
    if (is_at_end_) {
      end.finish(text_);
      break;
    }
    TRY(fill());
  }
  header_length_ = end.header_length();
  body_start_ = end.body_start();
  if (header_length_ > most) return permanent("the header is too large (control/maxheaderbytes)");
  return Done{};
}

Status MessageSource::read_ahead(std::size_t bytes) {
  while (!is_at_end_ && text_.size() < bytes) TRY(fill());
  return Done{};
}

Result<std::string_view> MessageSource::next_body() {
  text_.erase(0, body_start_);
  header_length_ = 0;
  while (text_.empty() && !is_at_end_) TRY(fill());
  body_start_ = text_.size();
  return std::string_view{text_};
}

}  // namespace postern
