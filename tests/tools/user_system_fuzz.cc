// /etc/passwd and /etc/group of any content: never root's numbers, always an absolute home.
#include <stdlib.h>

#include "tools/user_system.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  for (std::string_view const name : {text.substr(0, text.find(':')), std::string_view{"alice"}}) {
    auto const mailbox = find_system_user(Wire{text}, name);
    if (mailbox && (mailbox->uid == 0 || mailbox->gid == 0 || mailbox->home.size() < 2 || mailbox->home[0] != '/')) abort();
    if (find_system_group(Wire{text}, name) == gid_t{0}) abort();
  }
  return 0;
}
