// Fuzz target of smtpd/message_body: any bytes, cut by their first, give the same however they are cut; and what a text
// becomes on the wire comes back as it was.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>

#include "smtpd/message_body.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

struct Outcome {
  std::size_t taken = 0;
  std::string text;
  bool has_ended = false;
  bool is_malformed = false;
  std::uint64_t size = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome take(std::string_view wire, MessageBody::Framing framing, BareLf bare_lf, std::size_t piece) {
  MessageBody body{framing, bare_lf};
  Outcome outcome;
  while (outcome.taken < wire.size() && !body.has_ended())
    outcome.taken += body.take(wire.substr(outcome.taken, piece), outcome.text);
  if (framing == MessageBody::Framing::counted) body.end();
  outcome.has_ended = body.has_ended();
  outcome.is_malformed = body.is_malformed();
  outcome.size = body.size();
  if (outcome.is_malformed) outcome.text.clear();  // nobody reads it
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t const piece = data[0] % 16 + 1u;
  std::string_view const wire{reinterpret_cast<const char*>(data) + 1, size - 1};
  for (auto const framing : {MessageBody::Framing::dots, MessageBody::Framing::counted})
    for (auto const bare_lf : {BareLf::refuse, BareLf::mend}) {
      Outcome const whole = take(wire, framing, bare_lf, wire.size() + 1);
      require(take(wire, framing, bare_lf, piece) == whole);
      require(take(wire, framing, bare_lf, 1) == whole);
      require(whole.is_malformed || whole.text.find('\r') == std::string::npos || !whole.has_ended);
      if (framing == MessageBody::Framing::dots && whole.has_ended) require(wire.substr(0, whole.taken).ends_with(".\r\n"));
    }

  // The input as a text of lines, stuffed as a client does it.
  std::string text;
  std::string stuffed;
  bool is_line_start = true;
  for (char const c : wire) {
    if (c == '\r') continue;
    text += c;
    if (is_line_start && c == '.') stuffed += '.';
    if (c == '\n') stuffed += '\r';
    stuffed += c;
    is_line_start = c == '\n';
  }
  if (!is_line_start) {
    text += '\n';
    stuffed += "\r\n";
  }
  stuffed += ".\r\n";
  Outcome const back = take(stuffed, MessageBody::Framing::dots, BareLf::refuse, piece);
  require(back.has_ended && !back.is_malformed && back.taken == stuffed.size() && back.text == text);
  return 0;
}
