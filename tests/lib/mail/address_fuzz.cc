// Address::parse on any bytes: what it takes comes back from its text, and holds nothing that could end a line.
#include "lib/mail/address.h"

#include <stdlib.h>

#include "lib/core/ascii.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const bytes{reinterpret_cast<const char*>(data), size};
  auto const address = Address::parse(Wire{bytes});
  if (!address) return 0;
  std::string const text = address->text();
  auto const again = Address::parse(Wire{text});
  if (!again || !(*again == *address) || again->text() != text) abort();
  if (address->is_null_sender() != bytes.empty()) abort();
  if (address->local_part().size() > 64 || address->is_ascii() != is_all_ascii(text)) abort();
  for (char const c : text)
    if (is_control(c)) abort();
  if (!bytes.empty() && find_at_sign(text) != text.size() - address->domain().text().size() - 1) abort();
  return 0;
}
