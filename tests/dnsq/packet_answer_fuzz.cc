// A message of any bytes becomes an answer that dnsqd may send: it is encoded, or too long, and comes back the same.
#include "dnsq/packet_answer.h"

#include <cstdlib>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  constexpr DnsType types[] = {DnsType::a, DnsType::cname, DnsType::ptr, DnsType::mx, DnsType::txt, DnsType::aaaa, DnsType::tlsa};
  if (size == 0 || size > 65536) return 0;
  auto const question = DnsQuestion::make(1, types[data[0] % std::size(types)], "example.org");
  if (!question) abort();
  DnsAnswer const answer = answer_of_packet(*question, {data + 1, size - 1});
  std::string const record = answer.encoded(1);
  auto const again = DnsAnswer::parse(Wire{std::string_view{record}.substr(record_head)});
  if (!again) abort();
  if (again->status != DnsStatus::failed && !(*again == answer)) abort();
  std::string const name = escaped_name({data, size});
  if (name.empty()) abort();
  return 0;
}
