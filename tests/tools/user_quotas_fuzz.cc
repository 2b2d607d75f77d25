// users/quotas: whatever is taken is written back the same in meaning, and names are safe as names of files.
#include "tools/user_quotas.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const quotas = Quotas::parse(Wire{text});
  if (!quotas) return 0;
  std::string const encoded = quotas->encoded();
  auto const again = Quotas::parse(Wire{encoded});
  if (!again || again->encoded() != encoded || again->lines().size() != quotas->lines().size()) abort();
  for (const QuotaLine& line : quotas->lines()) {
    if (line.quota.is_none() || !(quotas->of(line.user) == line.quota)) abort();
    if (line.user.empty() || line.user.front() == '.' || line.user.find('/') != std::string::npos) abort();
  }
  return 0;
}
