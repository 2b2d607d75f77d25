// header_surrogate - a line of a header with bytes above 127, for a client that did not ask for UTF-8 (RFC 6856 §2.1)
//
// Words with such bytes become encoded words (RFC 2047 §2): nothing is lost, and what a client that decodes them shows is
// what was written. Where an encoded word has no place, as in an address, the header says so to whoever decodes it.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// `line` is without its line end; what comes back is all ASCII, and folded where it got long.
std::string header_surrogate(std::string_view line);

}  // namespace postern
