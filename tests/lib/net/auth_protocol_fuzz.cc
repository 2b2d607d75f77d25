// Questions to authd, its answers and tickets are refused, or say the same when they are written again.
#include "lib/net/auth_protocol.h"
#include "lib/net/record.h"

using namespace postern;

namespace {

template <class T>
void look_at(std::string_view text) {
  auto const first = T::parse(Wire{text});
  if (!first) return;
  std::string const again = first->encoded();
  auto const second = T::parse(Wire{std::string_view{again}.substr(record_head)});
  if (!second || !(*second == *first)) __builtin_trap();
  if (again.size() > record_head + auth_record_most) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  look_at<AuthRequest>(text);
  look_at<AuthAnswer>(text);
  look_at<TicketRequest>(text);
  look_at<TicketAnswer>(text);
  return 0;
}
