// message_body - a message as it crosses the wire, made into lines that end in LF
//
// The one place that decides where a message ends. DATA ends at CRLF.CRLF and at nothing else (RFC 5321 §4.1.1.4), and
// a dot is taken off a line only where the line began behind CRLF (§4.5.2). BDAT knows no dots (RFC 3030 §2). A CR
// without LF, or an LF without CR, makes the message malformed (§2.3.8); control/barelf may have a bare LF taken for a
// line end of the text, and still neither ends the message nor starts a line whose dot counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtpd/session_rules.h"

namespace postern {

class MessageBody {
 public:
  enum class Framing : unsigned char { dots, counted };  // DATA, BDAT

  MessageBody(Framing framing, BareLf bare_lf) : framing_(framing), bare_lf_(bare_lf) {}

  // Takes bytes from the front of `wire`, all of them or up to the message's end, and appends their text to `text`.
  // Pieces may be cut anywhere. Returns how many bytes it took.
  std::size_t take(std::string_view wire, std::string& text);
  // The last chunk of a counted message has been taken.
  void end();

  bool has_ended() const { return state_ == State::ended; }
  bool is_malformed() const { return is_malformed_; }
  std::uint64_t size() const { return size_; }  // as RFC 1870 §5 counts: CRLF is two bytes, dots taken off are none
  friend bool operator==(const MessageBody&, const MessageBody&) = default;

 private:
  enum class State : unsigned char { line_start, in_line, after_cr, after_dot, after_dot_cr, ended };
  void step(char c, std::string& text);
  void append(std::string& text, std::string_view bytes);

  Framing framing_;
  BareLf bare_lf_;
  State state_ = State::line_start;
  bool is_malformed_ = false;
  std::uint64_t size_ = 0;
};

}  // namespace postern
