// An order and its answer are refused, or say the same when they are written again.
#include "lib/net/order_protocol.h"
#include "lib/net/record.h"

using namespace postern;

namespace {

template <class T>
void look_at(std::string_view text) {
  auto const first = T::parse(Wire{text});
  if (!first) return;
  std::string const again = first->encoded();
  auto const second = T::parse(Wire{std::string_view{again}.substr(record_head)});
  if (!second || second->encoded() != again) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  look_at<Order>(text);
  look_at<OrderAnswer>(text);
  if (auto const length = order_record_length(Wire{text.substr(0, record_head)}); length && *length > order_record_most)
    __builtin_trap();
  return 0;
}
