// Texts of reports of any bytes: what is taken for a remote's words means the same when written again.
#include "lib/net/remote_words.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const reply = RemoteReply::parse(Wire{text});
  if (!reply) return 0;
  std::string const again = reply->text();
  auto const same = RemoteReply::parse(Wire{again});
  if (!same || same->status != reply->status || same->host != reply->host || same->address != reply->address ||
      same->reply != reply->reply)
    abort();
  return 0;
}
