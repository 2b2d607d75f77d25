// Envelope::parse on any bytes: what it takes is written and read back the same; each recipient is found at its offset.
#include "lib/mail/envelope.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  (void)parse_recipient(Wire{text});
  auto const envelope = Envelope::parse(Wire{text});
  if (!envelope) return 0;
  std::string const written = envelope->encoded();
  auto const again = Envelope::parse(Wire{written});
  if (!again || again->encoded() != written || again->recipients.size() != envelope->recipients.size()) abort();
  if (!envelope->header_lines.empty() && !are_header_lines(envelope->header_lines)) abort();
  for (const Recipient& recipient : envelope->recipients) {
    if (recipient.address.is_null_sender()) abort();
    auto const alone = parse_recipient(Wire{text.substr(recipient.offset)});
    if (!alone || !(alone->address == recipient.address) || alone->notify != recipient.notify ||
        alone->original != recipient.original)
      abort();
  }
  return 0;
}
