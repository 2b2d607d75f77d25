#include "remote/outgoing_body.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"

namespace postern {
namespace {

constexpr std::size_t piece_size = 65'536;  // its checksum is taken while it is in the processor's cache

}  // namespace

Result<OutgoingBody> OutgoingBody::make(std::string_view header_lines, std::string_view message, const MessageTraits& traits,
                                        EightBit eight_bit) {
  OutgoingBody body{header_lines, message};
  TextTraits const front = TextTraits::of(header_lines);
  body.is_front_long_ = front.has_long_line;
  if (front.has_stray) return permanent("5.6.0 its added header lines hold CR or NUL");
  if (front.has_long_line && !can_be_folded(header_lines)) return permanent("5.6.0 its header has a line of more than 998 bytes");
  bool const has_eight_bit = traits.header.has_eight_bit || traits.body.has_eight_bit;
  if (eight_bit == EightBit::unfit && front.has_eight_bit) {
    body.masked_ = header_lines;
    std::replace_if(body.masked_.begin(), body.masked_.end(), is_eight_bit, '?');
  }
  body.has_eight_bit_ = (has_eight_bit || front.has_eight_bit) && eight_bit == EightBit::fine;
  body.ends_in_line_ = !message.empty() && message.back() != '\n';
  bool const is_unfit = has_eight_bit && eight_bit == EightBit::unfit;
  if (is_unfit || !traits.header.is_sound() || !traits.body.is_sound()) {
    body.plan_ = TRY(BodyPlan::make(message, eight_bit));
    body.ends_in_line_ = body.ends_in_line_ && body.plan_->steps.back().treatment == Treatment::as_it_is;
  }
  bool const adds_fields = body.plan_ && body.plan_->steps.front().treatment == Treatment::fields;
  body.needs_empty_line_ = !header_lines.empty() && !message.empty() && is_blank(message.front()) && !adds_fields;
  TRY(body.measure(traits));
  return body;
}

Status OutgoingBody::measure(const MessageTraits& traits) {
  TextMeasure measure;
  if (plan_ || is_front_long_) {
    TRY(write(measure));
    wire_length_ = measure.bytes();
    has_eight_bit_ = measure.has_eight_bit();
    return Done{};
  }
  TRY(measure.add(front()));
  bool const has_separator = traits.body_start > traits.header_length;
  std::uint64_t const lines = traits.header.lines + traits.body.lines + has_separator + needs_empty_line_;
  // Each LF becomes two bytes; one that is missing, or put in front, counts as a byte of its own besides.
  wire_length_ = measure.bytes() + message_.size() + lines + ends_in_line_ + needs_empty_line_;
  return Done{};
}

Result<std::uint32_t> OutgoingBody::write(TextSink& sink) const {
  std::uint32_t crc = 0;
  TRY(is_front_long_ ? write_folded(front(), sink) : sink.add(front()));
  if (needs_empty_line_) TRY(sink.add("\n"));
  TRY(write_message(sink, crc));
  if (ends_in_line_) TRY(sink.add("\n"));
  return crc;
}

Status OutgoingBody::write_message(TextSink& sink, std::uint32_t& crc) const {
  if (plan_) {
    std::size_t start = 0;
    for (std::size_t i = 0; i < plan_->steps.size(); ++i) {
      std::string_view const text = message_.substr(start, plan_->steps[i].end - start);
      crc = crc32c(crc, text);
      TRY(plan_->write_step(i, text, sink));
      start = plan_->steps[i].end;
    }
    return Done{};
  }
  for (std::string_view rest = message_; !rest.empty();) {
    std::string_view const piece = rest.substr(0, piece_size);
    crc = crc32c(crc, piece);
    TRY(sink.add(piece));
    rest.remove_prefix(piece.size());
  }
  return Done{};
}

}  // namespace postern
