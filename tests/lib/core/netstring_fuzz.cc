// take_netstring and parse_number on any bytes: what is taken is what append_netstring writes.
#include "lib/core/netstring.h"

#include <stdlib.h>

#include "lib/core/number.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  std::string written;
  std::string_view rest = text;
  while (auto const taken = take_netstring(rest)) append_netstring(written, *taken);
  if (written + std::string{rest} != text) abort();
  for (std::uint64_t const most : {std::uint64_t{9}, std::uint64_t{4'294'967'295}, ~std::uint64_t{0}}) {
    auto const number = parse_number(Wire{text}, most);
    if (!number) continue;
    if (*number > most) abort();
    std::string const digits = decimal(*number);
    std::string_view const significant = text.substr(std::min(text.find_first_not_of('0'), size - 1));
    if (digits != significant) abort();
  }
  return 0;
}
