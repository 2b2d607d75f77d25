// maildirsize: what an owner puts there is sums within bounds, or nothing; one of ours is read back as it was written.
#include "lib/mail/maildir_sizes.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const sizes = MaildirSizes::parse(Wire{text});
  if (!sizes) return 0;
  if (sizes->use.bytes > 1ull << 62 || sizes->limits.bytes > largest_quota_bytes) abort();
  if (sizes->use.bytes > largest_quota_bytes || sizes->use.messages > largest_quota_bytes) return 0;  // more than one line says
  std::string const encoded = sizes->encoded();
  auto const again = MaildirSizes::parse(Wire{encoded});
  if (!again || !(again->limits == sizes->limits) || !(again->use == sizes->use)) abort();
  return 0;
}
