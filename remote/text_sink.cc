#include "remote/text_sink.h"

#include <algorithm>

namespace postern {

Status WireLength::add(std::string_view text) {
  bytes_ += text.size() + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  return Done{};
}

}  // namespace postern
