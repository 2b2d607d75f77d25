// Questions and answers of any bytes are refused, or come back the same when written again, and are within their bounds.
#include "lib/net/dns_protocol.h"

#include <cstdlib>

using namespace postern;

namespace {

void check(const DnsAnswer& answer) {
  for (const DnsMx& mx : answer.mx)
    if (mx.host != "." && !is_dns_host_name(mx.host)) abort();
  for (const std::string& name : answer.names)
    if (name.empty() || name.size() > dns_name_most) abort();
  if (answer.addresses.size() + answer.mx.size() + answer.texts.size() + answer.names.size() + answer.tlsa.size() >
      dns_records_most)
    abort();
  std::string const record = answer.encoded(7);
  std::string_view const body = std::string_view{record}.substr(record_head);
  auto const again = DnsAnswer::parse(Wire{body});
  auto const number = dns_answer_number(Wire{body});
  if (!again || !(*again == answer) || !number || *number != 7) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const answer = DnsAnswer::parse(Wire{text})) check(*answer);
  if (auto const question = DnsQuestion::parse(Wire{text})) {
    std::string const record = question->encoded();
    auto const again = DnsQuestion::parse(Wire{std::string_view{record}.substr(record_head)});
    if (!again || !(*again == *question)) abort();
  }
  if (auto const question = DnsQuestion::make(1, DnsType::a, text)) {
    std::string const record = question->encoded();
    if (!DnsQuestion::parse(Wire{std::string_view{record}.substr(record_head)})) abort();
  }
  return 0;
}
