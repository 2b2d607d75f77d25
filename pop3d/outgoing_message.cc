#include "pop3d/outgoing_message.h"

#include "lib/core/ascii.h"
#include "pop3d/header_surrogate.h"

namespace postern {

// Part of a line, without LF.
void OutgoingMessage::put(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  if (is_at_line_start_ && bytes.front() == '.') out += '.';
  out += bytes;
  is_at_line_start_ = false;
  ends_in_cr_ = bytes.back() == '\r';
}

void OutgoingMessage::end_line(std::string& out) {
  out += ends_in_cr_ ? "\n" : "\r\n";
  is_at_line_start_ = true;
  ends_in_cr_ = false;
}

void OutgoingMessage::end_header_line(std::string& out) {
  bool const has_cr = line_.ends_with('\r');
  if (header_ == Header::in_ascii && !is_all_ascii(line_)) {
    if (has_cr) line_.pop_back();
    put(header_surrogate(line_), out);
    if (has_cr) put("\r", out);
  } else {
    put(line_, out);
  }
  line_.clear();
}

// Up to the end of the line or the piece.
void OutgoingMessage::take_header(std::string_view& piece, std::string& out) {
  std::size_t const room = longest_header_line - line_.size();
  std::size_t const end = piece.substr(0, room).find('\n');
  line_ += piece.substr(0, end == std::string_view::npos ? room : end);
  if (end == std::string_view::npos) {
    piece.remove_prefix(room < piece.size() ? room : piece.size());
    if (line_.size() == longest_header_line) end_header_line(out);
    return;
  }
  piece.remove_prefix(end + 1);
  bool const is_empty = is_at_line_start_ && (line_.empty() || line_ == "\r");
  end_header_line(out);
  end_line(out);
  if (is_empty) is_in_header_ = false;
}

void OutgoingMessage::take_body(std::string_view& piece, std::string& out) {
  std::size_t const end = piece.find('\n');
  put(piece.substr(0, end), out);
  if (end == std::string_view::npos) {
    piece = {};
    return;
  }
  piece.remove_prefix(end + 1);
  end_line(out);
  if (lines_left_ != all_lines) --lines_left_;
}

void OutgoingMessage::take(std::string_view piece, std::string& out) {
  while (!piece.empty() && !has_ended()) is_in_header_ ? take_header(piece, out) : take_body(piece, out);
}

void OutgoingMessage::finish(std::string& out) {
  end_header_line(out);
  if (!is_at_line_start_) end_line(out);
  out += ".\r\n";
}

}  // namespace postern
