// log - one line of key=value pairs on descriptor 2, written with one call
//
// Every value may come from a stranger, so every value is quoted: bytes outside 0x21 to 0x7e, and = " \, become \xNN,
// and at most 256 bytes of it are written; where it was cut, it ends in "...". An empty value is written as nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

constexpr std::size_t log_value_most = 256;
std::string log_quoted(std::string_view value);

class LogLine {
 public:
  explicit LogLine(std::string_view event);  // event names are ours
  LogLine& add(std::string_view key, std::string_view value) &;
  LogLine& add(std::string_view key, std::uint64_t value) &;
  LogLine&& add(std::string_view key, std::string_view value) && { return std::move(add(key, value)); }
  LogLine&& add(std::string_view key, std::uint64_t value) && { return std::move(add(key, value)); }
  void write();
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace postern
