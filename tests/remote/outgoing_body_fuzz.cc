// Fuzz target of a message on its way out: whatever is stored, either it cannot be sent, or what leaves is one message that ends
// where ours ends; its length is what was said, and nothing is in it that the other side does not take.
#include <cstdint>
#include <cstdlib>

#include "lib/core/ascii.h"
#include "remote/content_type.h"
#include "tests/remote/outgoing.h"
#include "tests/remote/receivers.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check(const Outgoing& sent, EightBit eight_bit) {
  require(sent.length == sent.counted.size());
  require(eight_bit == EightBit::fine || is_all_ascii(sent.wire));
  require(sent.has_eight_bit == !is_all_ascii(sent.wire));
  require(sent.wire.find('\0') == std::string::npos);
  // Every CR has its LF and every LF its CR, and no line is long: what receivers differ in is not there.
  std::string_view rest = sent.wire;
  for (std::size_t end; (end = rest.find_first_of("\r\n")) != std::string_view::npos; rest.remove_prefix(end + 2))
    require(rest.substr(end).starts_with("\r\n") && end <= longest_wire_line + 1);  // and a dot
  require(rest.empty());
  Seen const strict = receive_strictly(sent.wire);
  require(strict.end == sent.wire.size());
  std::string counted;
  for (std::string_view text = strict.text; !text.empty(); text.remove_prefix(text.find('\n') + 1)) {
    counted += text.substr(0, text.find('\n'));
    counted += "\r\n";
  }
  require(counted == sent.counted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view const bytes{reinterpret_cast<const char*>(data), size};
  for (EightBit const eight_bit : {EightBit::fine, EightBit::unfit}) {
    auto const sent = outgoing(bytes, eight_bit);
    if (sent) check(*sent, eight_bit);
    auto const behind = outgoing(bytes, eight_bit, "Received: by here.example\n");
    require(sent.has_value() == behind.has_value());
    if (behind) check(*behind, eight_bit);
    if (sent && eight_bit == EightBit::unfit) {  // what was converted once needs nothing more
      std::string const text = receive_strictly(sent->wire).text;
      auto const again = outgoing(text, eight_bit);
      require(again && again->wire == sent->wire);
    }
  }
  if (auto const type = ContentType::parse(Wire{bytes}))
    require(!type->type.empty() && !type->subtype.empty() && type->boundary.size() <= longest_boundary);
  return 0;
}
