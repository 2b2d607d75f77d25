// Lines of state/destinations of any bytes: what is taken comes back as the same host.
#include "send/resting_host.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const line{reinterpret_cast<const char*>(data), size};
  auto const host = RestingHost::parse(Wire{line});
  if (!host) return 0;
  std::string again = host->encoded();
  again.pop_back();
  auto const same = RestingHost::parse(Wire{again});
  if (!same || same->name != host->name || same->until != host->until || same->rests != host->rests || same->text != host->text)
    abort();
  return 0;
}
