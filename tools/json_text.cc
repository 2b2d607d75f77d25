#include "tools/json_text.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {

void JsonText::separate(std::string_view comma) {
  if (needs_comma_) text_ += comma;
  needs_comma_ = true;
}

JsonText& JsonText::open(char bracket) {
  separate(bracket == '{' ? ",\n" : ", ");
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

void JsonText::quote(std::string_view value) {
  text_ += '"';
  escape(value, is_valid_utf8(value));
  text_ += '"';
}

void JsonText::escape(std::string_view value, bool keeps_eight_bit) {
  for (char const c : value) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (is_control(c) || (is_eight_bit(c) && !keeps_eight_bit)) {
      auto const byte = static_cast<unsigned char>(c);
      text_ += "\\u00";
      text_ += "0123456789abcdef"[byte >> 4];
      text_ += "0123456789abcdef"[byte & 15];
    } else {
      text_ += c;
    }
  }
}

JsonText& JsonText::key(std::string_view name) {
  separate(", ");
  quote(name);
  text_ += ": ";
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::string(std::string_view value) {
  separate(", ");
  quote(value);
  return *this;
}

JsonText& JsonText::begin_bytes() {
  separate(", ");
  text_ += '"';
  return *this;
}

JsonText& JsonText::add_bytes(std::string_view piece) {
  escape(piece, false);
  return *this;
}

JsonText& JsonText::end_bytes() {
  text_ += '"';
  return *this;
}

JsonText& JsonText::number(std::uint64_t value) {
  separate(", ");
  append_decimal(text_, value);
  return *this;
}

JsonText& JsonText::null() {
  separate(", ");
  text_ += "null";
  return *this;
}

}  // namespace postern
