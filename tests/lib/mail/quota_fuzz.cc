// Quotas, and what users/full says: whatever is taken is written back the same in meaning, and within bounds.
#include "lib/mail/quota.h"

#include <stdlib.h>

#include "lib/mail/full_flag.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const quota = Quota::parse(Wire{text})) {
    std::string const encoded = quota->encoded();
    auto const again = Quota::parse(Wire{encoded});
    if (!again || !(*again == *quota) || quota->bytes > largest_quota_bytes) abort();
    if (MailboxUse{}.room(*quota) > largest_quota_bytes) abort();
  }
  if (auto const flag = FullFlag::parse(Wire{text})) {
    std::string const encoded = flag->encoded();
    auto const again = FullFlag::parse(Wire{encoded});
    if (!again || again->room != flag->room || flag->room > largest_quota_bytes) abort();
  }
  return 0;
}
