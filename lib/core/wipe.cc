#include "lib/core/wipe.h"

#include <string.h>

#include <array>

namespace postern {

void wipe(std::string& text) {
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

[[gnu::noinline]] void wipe_stack() {
  std::array<char, 32768> below;
  explicit_bzero(below.data(), below.size());
}

}  // namespace postern
