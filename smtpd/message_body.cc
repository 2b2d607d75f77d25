#include "smtpd/message_body.h"

namespace postern {

void MessageBody::append(std::string& text, std::string_view bytes) {
  size_ += bytes.size();
  if (!is_malformed_) text += bytes;  // nobody will read the rest of a malformed message
}

// One byte at the borders of lines.
void MessageBody::step(char c, std::string& text) {
  bool const is_behind_cr = state_ == State::after_cr || state_ == State::after_dot_cr;
  if (c == '\n' && state_ == State::after_dot_cr) {
    state_ = State::ended;
  } else if (c == '\n' && state_ == State::after_cr) {
    ++size_;
    append(text, "\n");
    state_ = State::line_start;
  } else if (c == '\n') {
    if (bare_lf_ == BareLf::refuse) is_malformed_ = true;
    append(text, "\n");
    state_ = State::in_line;  // for dots and ends, a line starts behind CRLF only
  } else {
    if (is_behind_cr) is_malformed_ = true;
    if (c == '\r') {
      state_ = state_ == State::after_dot ? State::after_dot_cr : State::after_cr;
    } else if (c == '.' && state_ == State::line_start && framing_ == Framing::dots) {
      state_ = State::after_dot;
    } else {
      append(text, std::string_view{&c, 1});
      state_ = State::in_line;
    }
  }
}

std::size_t MessageBody::take(std::string_view wire, std::string& text) {
  std::size_t at = 0;
  std::size_t next_cr = 0, next_lf = 0;  // looked up again only once passed, so that no mix of CR and LF costs more than one pass
  while (at < wire.size() && state_ != State::ended) {
    if (state_ != State::in_line) {
      step(wire[at++], text);
      continue;
    }
    if (next_cr <= at) next_cr = std::min(wire.find('\r', at), wire.size());
    if (next_lf <= at) next_lf = std::min(wire.find('\n', at), wire.size());
    std::size_t const border = std::min(next_cr, next_lf);
    append(text, wire.substr(at, border - at));
    at = border;
    if (at < wire.size()) step(wire[at++], text);
  }
  return at;
}

void MessageBody::end() {
  if (state_ == State::after_cr) is_malformed_ = true;
  state_ = State::ended;
}

}  // namespace postern
