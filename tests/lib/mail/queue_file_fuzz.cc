// Frames and whole queue files of any bytes: a frame that is taken is written the same, and a file is what it says.
#include "lib/mail/queue_file.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/core/crc32c.h"
#include "lib/mail/queue_id.h"
#include "lib/os/fd.h"

using namespace postern;

namespace {

void try_file(std::string_view text, bool is_right) {
  Fd const file{memfd_create("queue-file", MFD_CLOEXEC)};
  if (!file.is_open() || write(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return;
  auto const read = read_queue_file(file.number());
  if (is_right && !read) abort();
  if (!read) return;
  if (read->frame.file_length() != text.size() || !text.ends_with(read->envelope_text)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const frame = Frame::parse(Wire{text.substr(0, Frame::size)});
  if (frame && frame->encoded() != text.substr(0, Frame::size)) abort();
  try_file(text, false);
  if (auto const id = QueueId::parse(Wire{text}); id && id->text() != text) abort();

  // The same bytes as message and envelope of a whole file; the first byte cuts them.
  std::size_t const cut = size == 0 ? 0 : data[0] % (size + 1);
  Frame made;
  made.message_length = cut;
  made.envelope_length = static_cast<std::uint32_t>(size - cut);
  made.message_crc = crc32c(0, text.substr(0, cut));
  made.envelope_crc = crc32c(0, text.substr(cut));
  std::string whole = made.encoded() + std::string{text};
  try_file(whole, size - cut <= longest_envelope);
  return 0;
}
