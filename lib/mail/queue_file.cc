#include "lib/mail/queue_file.h"

#include <sys/stat.h>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::string_view magic = "postern queue file 1: ";
constexpr unsigned number_width = 8;
constexpr unsigned length_width = 12;

void append_hex(std::string& text, std::uint64_t value, unsigned width) {
  for (unsigned i = width; i > 0; --i) text += "0123456789abcdef"[value >> (4 * (i - 1)) & 15];
}

Result<std::uint64_t> take_hex(std::string_view& rest, unsigned width, char after) {
  std::uint64_t value = 0;
  for (char const c : rest.substr(0, width)) {
    if (!is_hex_digit(c) || is_upper(c)) return permanent("frame: not a hexadecimal digit");
    value = value << 4 | static_cast<std::uint64_t>(hex_value(c));
  }
  if (rest[width] != after) return permanent("frame: not as laid out");
  rest.remove_prefix(width + 1);
  return value;
}

}  // namespace

std::string Frame::encoded() const {
  std::string text{magic};
  append_hex(text, generation, number_width);
  text += ' ';
  append_hex(text, message_length, length_width);
  text += ' ';
  append_hex(text, envelope_length, number_width);
  text += ' ';
  append_hex(text, message_crc, number_width);
  text += ' ';
  append_hex(text, envelope_crc, number_width);
  text += ' ';
  append_hex(text, crc32c(0, text), number_width);
  return text += '\n';
}

Result<Frame> Frame::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (rest.size() != size || !rest.starts_with(magic)) return permanent("frame: not a queue file");
  std::string_view const checked = rest.substr(0, size - number_width - 1);
  rest.remove_prefix(magic.size());
  Frame frame;
  frame.generation = static_cast<std::uint32_t>(TRY(take_hex(rest, number_width, ' ')));
  frame.message_length = TRY(take_hex(rest, length_width, ' '));
  frame.envelope_length = static_cast<std::uint32_t>(TRY(take_hex(rest, number_width, ' ')));
  frame.message_crc = static_cast<std::uint32_t>(TRY(take_hex(rest, number_width, ' ')));
  frame.envelope_crc = static_cast<std::uint32_t>(TRY(take_hex(rest, number_width, ' ')));
  if (TRY(take_hex(rest, number_width, '\n')) != crc32c(0, checked)) return permanent("frame: checksum is wrong");
  if (frame.envelope_length > longest_envelope) return permanent("frame: envelope too long");
  return frame;
}

Result<Frame> read_frame(int fd) {
  struct stat const status = TRY(status_of(fd));
  if (!S_ISREG(status.st_mode)) return permanent("queue file: not a regular file");
  char room[Frame::size];
  TRY(pread_exactly(fd, room, 0));
  Frame const frame = TRY(Frame::parse(Wire{std::string_view{room, sizeof room}}));
  if (static_cast<std::uint64_t>(status.st_size) != frame.file_length()) return permanent("queue file: length is not what its frame says");
  return frame;
}

Result<QueueFile> read_queue_file(int fd) {
  QueueFile file{TRY(read_frame(fd)), {}};
  file.envelope_text.resize(file.frame.envelope_length);
  TRY(pread_exactly(fd, file.envelope_text, static_cast<off_t>(Frame::size + file.frame.message_length)));
  if (crc32c(0, file.envelope_text) != file.frame.envelope_crc) return permanent("queue file: the envelope's checksum is wrong");
  return file;
}

}  // namespace postern
