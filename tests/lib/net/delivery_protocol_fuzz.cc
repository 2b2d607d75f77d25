// Records of deliveries of any bytes: what is taken is written back the same.
#include "lib/net/delivery_protocol.h"

#include <stdlib.h>

using namespace postern;

namespace {

// `record` with its head is what `body` was taken for; numbers may have had zeros in front.
template <class Parse>
void check(const std::string& record, Parse parse) {
  if (record.size() > record_head + record_most) return;  // longer than any head can say
  auto const length = record_length(Wire{std::string_view{record}.substr(0, record_head)});
  if (!length || *length != record.size() - record_head) abort();
  std::string_view const body = std::string_view{record}.substr(record_head);
  auto const again = parse(Wire{body});
  if (!again) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  Wire const body{text};
  if (auto const request = LocalRequest::parse(body)) check(request->encoded(), LocalRequest::parse);
  if (auto const request = RemoteRequest::parse(body)) check(request->encoded(), RemoteRequest::parse);
  if (auto const order = LocalOrder::parse(body)) check(order->encoded(), LocalOrder::parse);
  if (auto const report = DeliveryReport::parse(body); report && report->outcome != Outcome::ready) {
    if (report->text.size() > report_text_most) abort();
    check(report->encoded(), DeliveryReport::parse);
  }
  if (auto const key = parse_forget(body)) check(forget_record(*key), parse_forget);
  auto const length = record_length(Wire{text.substr(0, record_head)});
  if (length && (*length == 0 || *length > record_most)) abort();
  return 0;
}
