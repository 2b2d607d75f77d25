// A message of any bytes, in pieces: it is sent the same whatever they are, ends where it should and nowhere before, and has as
// many octets as its size says.
#include "pop3d/outgoing_message.h"

#include <stdlib.h>

#include "lib/core/ascii.h"
#include "lib/mail/maildir_name.h"

using namespace postern;

namespace {

std::string sent(std::string_view message, std::size_t piece, OutgoingMessage::Header header, std::uint64_t lines) {
  OutgoingMessage outgoing{header, lines};
  std::string out;
  for (; !message.empty(); message.remove_prefix(piece < message.size() ? piece : message.size()))
    outgoing.take(message.substr(0, piece), out);
  outgoing.finish(out);
  return out;
}

// The octets without doubled dots and the end; aborts where a client would see the end too early.
std::size_t octets(std::string_view out) {
  if (!out.ends_with(".\r\n")) abort();
  out.remove_suffix(3);
  std::size_t count = 0;
  while (!out.empty()) {
    std::size_t const end = out.find("\r\n");
    if (end == std::string_view::npos) abort();
    std::string_view const line = out.substr(0, end);
    if (line == ".") abort();
    count += line.size() + 2 - (line.starts_with('.') ? 1 : 0);
    out.remove_prefix(end + 2);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  std::size_t const piece = data[0] + 1u;
  std::uint64_t const lines = data[1];
  std::string_view const message{reinterpret_cast<const char*>(data) + 2, size - 2};
  MessageSize whole;
  whole.see(message);
  std::string const out = sent(message, piece, OutgoingMessage::Header::as_it_is, OutgoingMessage::all_lines);
  if (octets(out) != whole.octets()) abort();
  if (out != sent(message, message.size() + 1, OutgoingMessage::Header::as_it_is, OutgoingMessage::all_lines)) abort();
  std::string const ascii = sent(message, piece, OutgoingMessage::Header::in_ascii, 0);
  if (!is_all_ascii(ascii)) abort();
  octets(ascii);
  octets(sent(message, piece, OutgoingMessage::Header::as_it_is, lines));
  return 0;
}
