// text_coding - a text made into lines that every host takes, and that stand for the same text
//
// What comes out is ASCII (or, where is_eight_bit_fine, what came in), without CR or NUL, in lines no longer than
// longest_wire_line; every line of it, the last one too, ends in LF. No line that a coding adds begins with a hyphen, so that
// none is ever taken for a boundary of MIME.
#pragma once

#include <string_view>

#include "lib/core/result.h"
#include "remote/text_sink.h"

namespace postern {

// RFC 2045 §6.7, of text that is not encoded.
Status write_quoted_printable(std::string_view text, TextSink& sink);
// Of text that is said to be quoted-printable and holds what cannot stand there: only that is encoded, and long lines are cut.
Status mend_quoted_printable(std::string_view text, TextSink& sink);

// Base64 in lines that are too long: cut. It can be done when they hold nothing but base64, and nothing stray is there.
bool is_base64_that_can_be_cut(std::string_view text);
Status cut_base64(std::string_view text, TextSink& sink);

// What stands in front of the first part of a multipart and behind its last one, and nobody is to read (RFC 2046 §5.1.1): what
// cannot be sent becomes '?', and lines that are too long are cut.
enum class EightBit : unsigned char { fine, unfit };
Status write_masked(std::string_view text, EightBit eight_bit, TextSink& sink);

// Fields with lines that are too long: folded in front of blanks (RFC 5322 §2.2.3).
bool can_be_folded(std::string_view header);
Status write_folded(std::string_view header, TextSink& sink);

}  // namespace postern
