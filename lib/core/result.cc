#include "lib/core/result.h"

#include <cstring>

namespace postern {

std::string Error::text() const {
  std::string text{what_};
  if (where_length_ != 0) {
    text += ' ';
    text += where();
  }
  if (number_ != 0) {
    const char* const description = strerrordesc_np(number_);  // unlike strerror: no locale, no buffer
    text += ": ";
    text += description ? description : "unknown error";
  }
  return text;
}

}  // namespace postern
