// json_text - JSON (RFC 8259) written piece by piece; commas come by themselves
//
// Strings may hold any bytes: control characters are escaped (those of UTF-8, U+0080 to U+009F, too), and in a string that is not
// UTF-8 every byte from 0x80 on becomes \u00XX, so what comes out is always valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

class JsonText {
 public:
  JsonText& object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& array() { return open('['); }
  JsonText& end_array() { return close(']'); }
  JsonText& key(std::string_view name);  // the next value is its value
  JsonText& string(std::string_view value);
  // A string piece by piece, in which every byte from 0x80 on becomes \u00XX, UTF-8 or not.
  JsonText& begin_bytes();
  JsonText& add_bytes(std::string_view piece);
  JsonText& end_bytes();
  JsonText& number(std::uint64_t value);
  JsonText& boolean(bool value);
  JsonText& null();

  const std::string& text() const { return text_; }
  void clear() { text_.clear(); }  // what was written out already; commas go on

 private:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  void separate(std::string_view comma);
  void quote(std::string_view value);
  void escape(std::string_view value, bool keeps_eight_bit);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace postern
