// crc32c - the Castagnoli CRC (RFC 3720 appendix B.4), in hardware where the processor has it
#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

// `so_far` is 0 at the start; feeding a text in pieces gives the same as feeding it at once.
std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes);
std::uint32_t crc32c_portable(std::uint32_t so_far, std::string_view bytes);  // the same without the processor's help

}  // namespace postern
