// Lists of UIDs of any bytes: what is taken is written back the same, in order.
#include "pop3d/uid_list.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const list = UidList::parse(Wire{text});
  if (!list) return 0;
  if (list->encoded() != text || list->validity == 0) abort();
  for (const auto& entry : list->entries)
    if (entry.uid == 0 || entry.uid >= list->next || entry.unique.empty()) abort();
  return 0;
}
