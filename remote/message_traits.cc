#include "remote/message_traits.h"

#include <cstring>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"
#include "lib/mail/header.h"

namespace postern {
namespace {

constexpr std::size_t piece_size = 16'384;  // looked at several times while it is in the processor's cache

bool has_high_bit(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080u;
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
    text.remove_prefix(sizeof word);
  }
  return (seen & high_bits) != 0 || !is_all_ascii(text);
}

}  // namespace

TextTraits TextTraits::of(std::string_view text) {
  TextTraits traits;
  std::size_t line = 0;  // bytes of the line under way
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view piece = rest.substr(0, piece_size);
    rest.remove_prefix(piece.size());
    traits.has_eight_bit = traits.has_eight_bit || has_high_bit(piece);
    traits.has_stray =
        traits.has_stray || piece.find('\r') != std::string_view::npos || piece.find('\0') != std::string_view::npos;
    for (std::size_t end; (end = piece.find('\n')) != std::string_view::npos; piece.remove_prefix(end + 1)) {
      traits.has_long_line |= line + end > longest_wire_line;
      ++traits.lines;
      line = 0;
    }
    line += piece.size();
  }
  traits.ends_in_line = line > 0;
  traits.has_long_line |= line > longest_wire_line;
  traits.lines += traits.ends_in_line;
  return traits;
}

MessageTraits MessageTraits::of(std::string_view message) {
  MessageTraits traits;
  HeaderEnd end;
  if (!end.find_in(message)) end.finish(message);
  traits.header_length = end.header_length();
  traits.body_start = end.body_start();
  traits.header = TextTraits::of(message.substr(0, traits.header_length));
  traits.body = TextTraits::of(message.substr(traits.body_start));
  traits.crc = crc32c(0, message);
  return traits;
}

}  // namespace postern
