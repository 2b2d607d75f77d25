// UTF-8 as ascii.h decides it, against a decoder that goes by code points (RFC 3629 §3).
#include "lib/core/ascii.h"

#include <stdlib.h>

#include <cstdint>

using namespace postern;

namespace {

bool decodes(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const lead = static_cast<unsigned char>(text[i]);
    std::size_t const length = lead < 0x80             ? 1
                               : (lead & 0xe0) == 0xc0 ? 2
                               : (lead & 0xf0) == 0xe0 ? 3
                               : (lead & 0xf8) == 0xf0 ? 4
                                                       : 0;
    if (length == 0 || text.size() - i < length) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      auto const next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (is_valid_utf8(text) != decodes(text)) abort();
  if (is_all_ascii(text) && !is_valid_utf8(text)) abort();
  std::string const lower = to_lower(text);
  if (!equal_ignoring_case(lower, text) || to_lower(lower) != lower || !starts_with_ignoring_case(text, lower)) abort();
  std::string_view const inner = trimmed(text);
  if (trimmed(inner) != inner || text.find(inner) == std::string_view::npos) abort();
  return 0;
}
