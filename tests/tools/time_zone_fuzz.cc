// A time zone file or rule is refused, or gives an offset of at most a day or so for any time.
#include "tools/time_zone.h"

using namespace postern;

namespace {

template <class T>
void look_at(const T& zone) {
  for (std::int64_t const time :
       {std::int64_t{0}, std::int64_t{1'795'342'395}, std::int64_t{1} << 40, -(std::int64_t{1} << 35)}) {
    std::int32_t const offset = zone.offset_at(time);
    if (offset > 26 * 3600 || offset < -26 * 3600) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const zone = TimeZone::parse(Wire{text})) {
    look_at(*zone);
    if (zone->text(1'795'342'395, 0).size() != 29) __builtin_trap();
  }
  if (auto const rule = ZoneRule::parse(Wire{text})) look_at(*rule);
  return 0;
}
