// body_plan - what must be done to a message before a host takes it: to its lines that are too long, to CR and NUL, and to 8-bit
// text where the other side takes none
//
// MIME's structure stays (RFC 2046): parts that can be sent stay byte for byte, others become quoted-printable, and their
// Content-Transfer-Encoding says so; multiparts and messages are never encoded themselves (RFC 2045 §6.4), only their parts. What
// cannot be converted is an error, whose what() begins with the status for the bounce: fields with 8-bit text, CR or NUL; parts
// of a signed multipart, since no signature would hold (RFC 1847 §2.1); external bodies and partial messages; encodings that are
// not MIME's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "remote/text_coding.h"

namespace postern {

enum class Treatment : unsigned char { as_it_is, fields, quoted_printable, mended, cut_base64, masked };

// From the end of the step before it.
struct BodyStep {
  std::size_t end;
  Treatment treatment;
  std::string added = {};  // behind fields; those of them that `added` replaces are left out
};

struct BodyPlan {
  static constexpr std::size_t most_steps = 30'000;
  static constexpr std::size_t most_levels = 50;

  std::vector<BodyStep> steps;       // to the end of the message
  bool has_eight_bit_field = false;  // in the header of the message, or of a part of it (RFC 6532 §3)
  EightBit eight_bit = EightBit::fine;

  static Result<BodyPlan> make(std::string_view message, EightBit eight_bit);
  Status write_step(std::size_t number, std::string_view text, TextSink& sink) const;  // `text` is that step's
};

}  // namespace postern
