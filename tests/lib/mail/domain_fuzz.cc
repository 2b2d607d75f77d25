// Domain::parse on any bytes: what it takes is short, has no byte that could end a line, and comes back from its text.
#include "lib/mail/domain.h"

#include <stdlib.h>

#include "lib/core/ascii.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  auto const domain = Domain::parse(Wire{std::string_view{reinterpret_cast<const char*>(data), size}});
  if (!domain) return 0;
  const std::string& text = domain->text();
  if (text.empty() || text.size() > 255 || !is_valid_utf8(text) || to_lower(text) != text) abort();
  for (char const c : text)
    if (is_control(c) || c == ' ' || (c == '@' && !domain->is_literal())) abort();
  auto const again = Domain::parse(Wire{text});
  if (!again || !(*again == *domain)) abort();
  return 0;
}
