// Requests to bounce and its answers are refused, or say the same when written again.
#include "lib/net/bounce_protocol.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const request = BounceRequest::parse(Wire{text})) {
    std::string const again = request->encoded();
    auto const back = BounceRequest::parse(Wire{std::string_view{again}.substr(4)});
    if (!back || back->recipients.size() != request->recipients.size() || back->id != request->id) __builtin_trap();
  }
  if (auto const answer = BounceAnswer::parse(Wire{text})) {
    std::string const again = answer->encoded();
    if (std::string_view{again}.substr(4) != text) __builtin_trap();
  }
  return 0;
}
