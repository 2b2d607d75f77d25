// receivers - where hosts of many kinds see the end of a message that crosses the wire behind DATA, and what text they see
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern {

struct Seen {
  std::size_t end;   // bytes up to and with what ends the message; npos: it does not end
  std::string text;  // lines end in LF, dots taken off
};

// One that takes for a line end whatever `length_of_end` says: how many bytes of one stand at `at`, or 0.
template <class LengthOfEnd>
Seen receive(std::string_view wire, LengthOfEnd length_of_end) {
  Seen seen{std::string_view::npos, {}};
  std::string line;
  for (std::size_t at = 0; at < wire.size();) {
    std::size_t const length = length_of_end(wire, at);
    if (length == 0) {
      line += wire[at++];
      continue;
    }
    at += length;
    if (line == ".") {
      seen.end = at;
      return seen;
    }
    seen.text += line.starts_with('.') ? line.substr(1) : line;
    seen.text += '\n';
    line.clear();
  }
  return seen;
}

// RFC 5321: CRLF and nothing else.
inline Seen receive_strictly(std::string_view wire) {
  return receive(wire, [](std::string_view text, std::size_t at) { return text.substr(at).starts_with("\r\n") ? 2u : 0u; });
}
// LF, whether a CR stands in front of it or not.
inline Seen receive_by_lf(std::string_view wire) {
  return receive(wire, [](std::string_view text, std::size_t at) {
    return text[at] == '\n' ? 1u : text.substr(at).starts_with("\r\n") ? 2u : 0u;
  });
}
// LF, and any number of CRs in front of it are no text.
inline Seen receive_without_trailing_cr(std::string_view wire) {
  return receive(wire, [](std::string_view text, std::size_t at) -> std::size_t {
    std::size_t const end = text.find_first_not_of('\r', at);
    return end != std::string_view::npos && text[end] == '\n' ? end + 1 - at : 0;
  });
}
// CR, LF or CRLF.
inline Seen receive_by_cr(std::string_view wire) {
  return receive(wire, [](std::string_view text, std::size_t at) {
    return text.substr(at).starts_with("\r\n") ? 2u : text[at] == '\n' || text[at] == '\r' ? 1u : 0u;
  });
}
// CR and NUL are thrown away before lines are looked for.
inline Seen receive_filtered(std::string_view wire) {
  std::string kept;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] == '\r' || wire[i] == '\0') continue;
    kept += wire[i];
    ends.push_back(i + 1);
  }
  Seen seen = receive(kept, [](std::string_view text, std::size_t at) { return text[at] == '\n' ? 1u : 0u; });
  if (seen.end != std::string_view::npos) seen.end = ends[seen.end - 1];
  return seen;
}
// Cuts a line where its buffer ends, and takes the rest for the next one.
inline Seen receive_in_pieces(std::string_view wire) {
  std::string cut;
  std::vector<std::size_t> ends;
  std::size_t column = 0;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (column == 1001) {  // RFC 5321 §4.5.3.1.6: 1000 with CRLF, and a dot that was put in front
      cut += '\n';
      ends.push_back(i);
      column = 0;
    }
    cut += wire[i];
    ends.push_back(i + 1);
    column = wire[i] == '\n' ? 0 : column + 1;
  }
  Seen seen = receive_by_lf(cut);
  if (seen.end != std::string_view::npos) seen.end = ends[seen.end - 1];
  return seen;
}

using Receiver = Seen (*)(std::string_view);
inline constexpr Receiver receivers[] = {receive_strictly, receive_by_lf,    receive_without_trailing_cr,
                                         receive_by_cr,    receive_filtered, receive_in_pieces};

}  // namespace postern
