// A stream of queue frames of any bytes: heads are bounded and written back the same.
#include "lib/net/queue_protocol.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  while (rest.size() >= queue_frame_head) {
    auto const head = QueueFrameHead::parse(Wire{rest.substr(0, queue_frame_head)});
    if (!head) return 0;
    if (head->length > queue_frame_most) abort();
    std::string_view const content = rest.substr(queue_frame_head).substr(0, head->length);
    if (content.size() < head->length) return 0;
    std::string written;
    append_queue_frame(written, head->letter, content);
    if (written != rest.substr(0, written.size())) abort();
    rest.remove_prefix(written.size());
  }
  if (QueueFrameHead::parse(Wire{rest})) abort();
  return 0;
}
