#include "lib/core/json_text.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

bool is_c1_control(std::string_view utf8) {
  return utf8.size() > 1 && utf8[0] == '\xc2' && static_cast<unsigned char>(utf8[1]) < 0xa0;
}

}  // namespace

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

void JsonText::escape(std::string_view value, bool is_utf8) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    char const c = value[i];
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (bool const is_c1 = is_utf8 && is_c1_control(value.substr(i));
               is_c1 || is_control(c) || (is_eight_bit(c) && !is_utf8)) {
      auto const byte = static_cast<unsigned char>(is_c1 ? value[++i] : c);
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

JsonText& JsonText::boolean(bool value) {
  separate(", ");
  text_ += value ? "true" : "false";
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
