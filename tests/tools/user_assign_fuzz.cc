// users/assign: whatever is taken is written back the same in meaning, and is found once compiled.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/user_assign.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const assignments = Assignments::parse(Wire{text});
  if (!assignments) return 0;
  std::string const encoded = assignments->encoded();
  auto const again = Assignments::parse(Wire{encoded});
  if (!again || again->encoded() != encoded || again->lines().size() != assignments->lines().size()) abort();
  int const file = memfd_create("cdb", MFD_CLOEXEC);
  if (file < 0) return 0;
  if (!assignments->compile(file, Quotas{})) abort();
  close(file);
  return 0;
}
