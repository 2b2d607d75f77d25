// IpAddress::parse takes any bytes; what it takes, its text gives back.
#include <cstdlib>

#include "lib/net/ip.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const address = IpAddress::parse(Wire{text});
  if (!address) return 0;
  std::string const written = address->text();
  auto const again = IpAddress::parse(Wire{written});
  if (!again || !(*again == *address) || again->text() != written) abort();
  if (!(address->network().network() == address->network())) abort();
  return 0;
}
