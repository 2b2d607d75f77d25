#include "remote/text_sink.h"

#include <algorithm>

#include "lib/core/ascii.h"

namespace postern {

Status TextMeasure::add(std::string_view text) {
  bytes_ += text.size() + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  has_eight_bit_ = has_eight_bit_ || !is_all_ascii(text);
  return Done{};
}

}  // namespace postern
