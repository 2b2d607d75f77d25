// message_traits - what a message holds that not every host takes, seen in one pass over its bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern {

constexpr std::size_t longest_wire_line = 998;  // bytes without CRLF (RFC 5321 §4.5.3.1.6)

// What a piece of text holds; its lines end in LF.
struct TextTraits {
  bool has_eight_bit = false;
  bool has_stray = false;      // CR or NUL: one receiver's line end, or nothing, is another's data
  bool has_long_line = false;  // longer than longest_wire_line
  std::uint64_t lines = 0;     // the last one too if its LF is missing
  bool ends_in_line = false;   // so it is missing

  static TextTraits of(std::string_view text);
  bool is_sound() const { return !has_stray && !has_long_line; }
};

struct MessageTraits {
  std::size_t header_length = 0;  // bytes of all fields
  std::size_t body_start = 0;     // behind the empty line, if there is one
  TextTraits header;
  TextTraits body;
  std::uint32_t crc = 0;

  static MessageTraits of(std::string_view message);
};

}  // namespace postern
