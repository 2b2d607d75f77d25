// What an operator writes to choose messages is refused, or fits what it was made from.
#include "tools/queue_selection.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const pattern = AddressPattern::parse(Wire{text}))
    if (auto const address = Address::parse(Wire{text}); address && !pattern->fits(*address)) __builtin_trap();
  if (auto const pattern = DomainPattern::parse(Wire{text}))
    if (auto const domain = Domain::parse(Wire{text}); domain && !pattern->fits(domain->text())) __builtin_trap();
  return 0;
}
