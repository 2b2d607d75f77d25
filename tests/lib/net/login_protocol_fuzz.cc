// What a login program hands over, of any bytes: what is taken is written back the same.
#include "lib/net/login_protocol.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const request = LoginRequest::parse(Wire{text});
  if (!request) return 0;
  if (request->encoded() != text || request->ticket.size() != ticket_length) abort();
  return 0;
}
