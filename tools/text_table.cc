#include "tools/text_table.h"

#include <algorithm>

#include "lib/core/ascii.h"

namespace postern {
namespace {

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (char const c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // a code point counts once
  return width;
}

// U+0080 to U+009F, in UTF-8 0xC2 and one of these bytes, are control characters too.
bool is_second_of_control(std::string_view text, std::size_t at) {
  return at > 0 && text[at - 1] == '\xc2' && static_cast<unsigned char>(text[at]) < 0xa0;
}

}  // namespace

std::string printable(std::string_view text) {
  bool const is_utf8 = is_valid_utf8(text);
  std::string shown{text};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_control(text[i]) || (is_eight_bit(text[i]) && !is_utf8)) shown[i] = '?';
    if (is_utf8 && is_eight_bit(text[i]) && is_second_of_control(text, i)) shown[i - 1] = shown[i] = '?';
  }
  return shown;
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(printable(row[i])));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string const cell = printable(row[i]);
      text += cell;
      if (i + 1 < row.size()) text.append(widths[i] + 2 - width_of(cell), ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace postern
