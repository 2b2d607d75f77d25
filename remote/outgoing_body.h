// outgoing_body - a message as one host is sent it: the envelope's header lines, then the message, changed where it must be
//
// Its text holds no CR and no NUL, no line longer than longest_wire_line, and its last line has its LF: so that with CRLF for LF
// and a dot in front of each dot that begins a line no receiver, whatever it takes for a line end, sees an end but the last.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "remote/body_plan.h"
#include "remote/message_traits.h"
#include "remote/text_sink.h"

namespace postern {

class OutgoingBody {
 public:
  // The views must outlive it. 8-bit text in header lines, which are this side's own, becomes '?' where it must. A permanent
  // error: this host cannot be sent this message; what() begins with a status.
  static Result<OutgoingBody> make(std::string_view header_lines, std::string_view message, const MessageTraits& traits,
                                   EightBit eight_bit);

  std::uint64_t wire_length() const { return wire_length_; }
  bool has_eight_bit() const { return has_eight_bit_; }
  // All of it. The CRC-32C of the message's bytes as they were read this time.
  Result<std::uint32_t> write(TextSink& sink) const;

 private:
  OutgoingBody(std::string_view header_lines, std::string_view message) : header_lines_(header_lines), message_(message) {}
  Status write_message(TextSink& sink, std::uint32_t& crc) const;
  Status measure(const MessageTraits& traits);
  std::string_view front() const { return masked_.empty() ? header_lines_ : std::string_view{masked_}; }
  std::string_view header_lines_;
  std::string masked_;  // header lines, where this host must not see all of their bytes
  std::string_view message_;
  std::optional<BodyPlan> plan_;  // none: as it is
  bool is_front_long_ = false;
  bool has_eight_bit_ = false;
  bool needs_empty_line_ = false;  // between header lines and a message that begins with a blank
  bool ends_in_line_ = false;
  std::uint64_t wire_length_ = 0;
};

}  // namespace postern
