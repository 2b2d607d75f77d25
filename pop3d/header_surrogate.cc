#include "pop3d/header_surrogate.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t longest_encoded = 75;  // RFC 2047 §2
constexpr std::string_view ending = "?=";

std::size_t end_of_word(std::string_view text, std::size_t at) {
  while (at < text.size() && !is_blank(text[at])) ++at;
  return at;
}

std::size_t end_of_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// What one byte is in the Q encoding (RFC 2047 §4.2), in the narrow set that is safe anywhere.
void append_quoted(std::string& text, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  auto const byte = static_cast<unsigned char>(c);
  if (is_alnum(c))
    text += c;
  else if (c == ' ')
    text += '_';
  else
    (text += '=').append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
}

// Splits between characters, not within one; each encoded word but the first begins a line of its own.
void append_encoded(std::string& text, std::string_view run) {
  bool const is_utf8 = is_valid_utf8(run);
  std::string_view const start = is_utf8 ? "=?utf-8?q?" : "=?unknown-8bit?q?";
  std::string word{start};
  for (std::size_t at = 0; at < run.size();) {
    std::size_t end = at + 1;
    while (is_utf8 && end < run.size() && (static_cast<unsigned char>(run[end]) & 0xc0) == 0x80) ++end;
    std::string character;
    for (; at < end; ++at) append_quoted(character, run[at]);
    if (word.size() + character.size() + ending.size() > longest_encoded) {
      text.append(word).append(ending).append("\r\n ");
      word = start;
    }
    word += character;
  }
  text.append(word).append(ending);
}

}  // namespace

std::string header_surrogate(std::string_view line) {
  std::string text;
  for (std::size_t at = 0; at < line.size();) {
    std::size_t const start = at;
    std::size_t const blanks = end_of_blanks(line, at);
    std::size_t end = end_of_word(line, blanks);
    text += line.substr(start, blanks - start);
    at = end;
    if (is_all_ascii(line.substr(blanks, end - blanks))) {
      text += line.substr(blanks, end - blanks);
      continue;
    }
    // Blanks between two encoded words are not shown: words that follow one another are one run.
    for (;;) {
      std::size_t const next = end_of_blanks(line, at);
      std::size_t const next_end = end_of_word(line, next);
      if (next == next_end || is_all_ascii(line.substr(next, next_end - next))) break;
      at = end = next_end;
    }
    append_encoded(text, line.substr(blanks, end - blanks));
  }
  return text;
}

}  // namespace postern
