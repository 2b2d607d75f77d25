#include "lib/net/record.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"

namespace postern {

std::string with_record_head(std::string_view body) {
  std::string record;
  record.reserve(record_head + body.size());  // and moved, not copied, to the caller: a body may hold a password
  for (int shift = 24; shift >= 0; shift -= 8) record += static_cast<char>(body.size() >> shift & 0xff);
  record += body;
  return record;
}

Result<std::size_t> record_body_length(Wire head, std::size_t most) {
  if (head.size() != record_head) return permanent("record: not a head");
  std::size_t length = 0;
  for (char const c : head.bytes()) length = length << 8 | static_cast<unsigned char>(c);
  if (length == 0 || length > most) return permanent("record: empty or too long");
  return length;
}

std::string record_text(std::string_view text) {
  std::string cleaned{text.substr(0, report_text_most)};
  for (char& c : cleaned)
    if (is_control(c)) c = '?';
  return cleaned;
}

Result<std::string> take_record_text(std::string_view& rest, std::size_t most) {
  std::string_view const text = TRY(take_netstring(rest));
  if (text.size() > most) return permanent("record: text too long");
  for (char const c : text)
    if (is_control(c)) return permanent("record: control character in a text");
  return std::string{text};
}

}  // namespace postern
