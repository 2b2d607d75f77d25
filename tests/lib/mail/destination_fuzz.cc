// Destinations of any bytes: what is taken is one text for one destination.
#include "lib/mail/destination.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const destination = Destination::parse(Wire{text});
  if (!destination) return 0;
  std::string const again = destination->text();
  if (again.size() != text.size()) abort();
  auto const same = Destination::parse(Wire{again});
  if (!same || !(*same == *destination) || same->text() != again) abort();
  return 0;
}
