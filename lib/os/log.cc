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
  std::size_t room_for_cut = 0;  // the longest beginning that leaves room for it
  for (char const c : value) {
    bool const is_plain = is_graphic(c) && c != '=' && c != '"' && c != '\\';
    if (text.size() + (is_plain ? 1 : 4) > log_value_most) {
      text.resize(room_for_cut);
      return text += cut;
    }
    if (is_plain) {
      text += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      text += "\\x";
      text += hex[byte >> 4];
      text += hex[byte & 15];
    }
    if (text.size() <= log_value_most - cut.size()) room_for_cut = text.size();
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
