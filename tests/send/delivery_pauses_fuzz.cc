// Whatever state/pauses holds is read or refused; what is in force can be written and read again.
#include "send/delivery_pauses.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const pauses = Pauses::parse(Wire{text});
  if (!pauses) return 0;
  if (pauses->whole_length() > size) __builtin_trap();
  std::string again;
  bool has_domains = false;
  for (const auto& [what, pause] : pauses->all()) {
    auto const scope = PauseScope::parse(Wire{what});
    if (!scope || scope->text() != what) __builtin_trap();
    again += paused_line(*scope, pause);
    has_domains = has_domains || what.front() == '@';
  }
  auto const back = Pauses::parse(Wire{again});
  if (!back || back->all().size() != pauses->all().size() || back->has_domains() != has_domains) __builtin_trap();
  return 0;
}
