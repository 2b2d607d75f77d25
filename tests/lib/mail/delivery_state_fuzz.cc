// Whatever a state file holds is read or refused; what was read, written again, says the same.
#include "lib/mail/delivery_state.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const state = DeliveryState::parse(Wire{text});
  if (state && state->whole_length > size) __builtin_trap();
  std::string_view const first = text.substr(0, text.find('\n'));
  if (auto const line = StateLine::parse(Wire{first})) {
    std::string again = line->encoded();
    again.pop_back();
    auto const back = StateLine::parse(Wire{again});
    if (!back || back->text != line->text || back->recipient != line->recipient || back->next != line->next) __builtin_trap();
  }
  return 0;
}
