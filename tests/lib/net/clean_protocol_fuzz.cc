// A record of queue-clean is refused, or the one spelling of what it says.
#include "lib/net/clean_protocol.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const record = CleanRecord::parse(Wire{text});
  if (record && record->encoded() != text) __builtin_trap();
  return 0;
}
