// Lines of /etc/shadow and /etc/passwd: whatever they hold, a locked or empty password counts never.
#include "auth/shadow_entry.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const entry = ShadowEntry::parse(Wire{text});
  if (entry && entry->is_usable(20000) && (entry->hash.empty() || entry->hash.front() == '!' || entry->hash.front() == '*'))
    abort();
  if (auto const line = find_line(text, "alice");
      line && (!line->starts_with("alice:") || line->find('\n') != std::string_view::npos))
    abort();
  if (uid_of_passwd_line(Wire{text}) && text.find(':') == std::string_view::npos) abort();
  return 0;
}
