#include "lib/os/log.h"

#include <unistd.h>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/program.h"

namespace postern {

std::string log_quoted(std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view cut = "...";
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    char const c = value[i];
    bool const is_plain = is_graphic(c) && c != '=' && c != '"' && c != '\\';
    std::size_t const width = is_plain ? 1 : 4;
    bool const is_last = i + 1 == value.size();
    if (text.size() + width > log_value_most - (is_last ? 0 : cut.size())) return text += cut;
    if (is_plain) {
      text += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      text += "\\x";
      text += hex[byte >> 4];
      text += hex[byte & 15];
    }
  }
  return text;
}

LogLine::LogLine(std::string_view event) : text_("prog=") {
  text_ += program_name;
  add("pid", static_cast<std::uint64_t>(getpid())).add("event", event);
}

LogLine& LogLine::add(std::string_view key, std::string_view value) & {
  text_ += ' ';
  text_ += key;
  text_ += '=';
  text_ += log_quoted(value);
  return *this;
}

LogLine& LogLine::add(std::string_view key, std::uint64_t value) & {
  text_ += ' ';
  text_ += key;
  text_ += '=';
  append_decimal(text_, value);
  return *this;
}

void LogLine::write() {
  text_ += '\n';
  // A log that cannot be written must not stop mail: nothing to do about it here.
  [[maybe_unused]] auto const wrote = ::write(2, text_.data(), text_.size());
}

}  // namespace postern
