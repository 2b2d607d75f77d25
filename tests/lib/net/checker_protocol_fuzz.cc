// What authd and the checkers' starters send each other: whatever is taken is written back byte for byte, and a question fits
// checkpassword's interface.
#include "lib/net/checker_protocol.h"

#include <stdlib.h>

#include "lib/mail/checkers.h"
#include "lib/net/record.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const answer = CheckAnswer::parse(Wire{text}); answer && answer->encoded() != with_record_head(text)) abort();
  auto const question = CheckQuestion::parse(Wire{text});
  if (question && (question->encoded() != with_record_head(text) || question->uid == 0 ||
                   question->login.find('\0') != std::string::npos || question->password.find('\0') != std::string::npos))
    abort();
  auto const checker = Checker::parse(Wire{text});
  if (checker && !checker->is_shadow() && !checker->words().front().starts_with('/')) abort();
  return 0;
}
