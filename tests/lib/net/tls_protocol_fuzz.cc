// Requests and lines of facts of any bytes are refused, or come back the same when written again.
#include "lib/net/tls_protocol.h"

#include <cstdlib>

#include "lib/net/record.h"

using namespace postern;

namespace {

template <class Request>
void check_request(std::string_view text) {
  auto const request = Request::parse(Wire{text});
  if (!request) return;
  std::string const record = request->encoded();
  auto const again = Request::parse(Wire{std::string_view{record}.substr(record_head)});
  if (!again || !(*again == *request)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  check_request<TlsService>(text);
  check_request<TlsWanted>(text);
  if (auto const facts = TlsFacts::parse(Wire{text})) {
    std::string const line = facts->encoded();
    if (line.size() > tls_answer_most || line.find('\n') != line.size() - 1) abort();
    auto const again = TlsFacts::parse(Wire{std::string_view{line}.substr(0, line.size() - 1)});
    if (!again || !(*again == *facts)) abort();
  }
  std::string const refusal = tls_refusal(TlsTrouble::peers, text);
  if (TlsFacts::parse(Wire{std::string_view{refusal}.substr(0, refusal.size() - 1)})) abort();
  return 0;
}
