// outgoing_message - a message's file as POP3 sends it (RFC 1939 §3): lines end in CRLF, dots at their beginning are doubled,
// a line with a dot ends it
//
// A LF gets its CR, a CRLF stays one, a lone CR and a NUL stay what they are. Takes any pieces, keeps one header line at most.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

class OutgoingMessage {
 public:
  enum class Header : unsigned char { as_it_is, in_ascii };
  static constexpr std::uint64_t all_lines = ~0ull;

  // `lines` of the body (TOP), or all.
  explicit OutgoingMessage(Header header, std::uint64_t lines = all_lines) : header_(header), lines_left_(lines) {}

  void take(std::string_view piece, std::string& out);
  bool has_ended() const { return !is_in_header_ && lines_left_ == 0; }  // what comes behind is not wanted
  void finish(std::string& out);

 private:
  void take_header(std::string_view& piece, std::string& out);
  void end_header_line(std::string& out);
  void take_body(std::string_view& piece, std::string& out);
  void put(std::string_view bytes, std::string& out);
  void end_line(std::string& out);

  static constexpr std::size_t longest_header_line = 16384;  // a longer one is converted in pieces
  Header header_;
  std::uint64_t lines_left_;
  bool is_in_header_ = true;
  bool is_at_line_start_ = true;
  bool ends_in_cr_ = false;  // the last byte that was put
  std::string line_;         // of the header
};

}  // namespace postern
