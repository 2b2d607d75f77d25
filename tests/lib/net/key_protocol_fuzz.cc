// Requests and answers of any bytes are refused, or come back the same when written again.
#include "lib/net/key_protocol.h"

#include <cstdlib>

#include "lib/net/record.h"

using namespace postern;

namespace {

template <class T>
void check(std::string_view text) {
  auto const value = T::parse(Wire{text});
  if (!value) return;
  std::string const record = value->encoded();
  auto const again = T::parse(Wire{std::string_view{record}.substr(record_head)});
  if (!again || !(*again == *value)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  check<KeyRequest>(text);
  check<KeyAnswer>(text);
  for (TlsPadding const padding : {TlsPadding::none, TlsPadding::pkcs1, TlsPadding::pss})
    if (auto const scheme = tls_scheme_of(padding, text); scheme && padding_of(*scheme) != padding) abort();
  return 0;
}
