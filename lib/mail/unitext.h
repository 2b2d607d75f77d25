// unitext - addresses beyond ASCII where only ASCII may stand (RFC 6533 §3)
//
// "grüß@here.example" is "gr\x{FC}\x{DF}@here.example": utf-8-addr-xtext, for delivery reports and ORCPT parameters that
// go where SMTPUTF8 does not.
#pragma once

#include <optional>
#include <string>

#include "lib/core/wire.h"

namespace postern {

std::string unitext(std::string_view address);       // of valid UTF-8; anything else becomes '?' byte by byte
std::optional<std::string> from_unitext(Wire text);  // nothing: not of that form, or no valid UTF-8, or a control character

}  // namespace postern
