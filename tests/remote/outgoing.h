// outgoing - what leaves of a message, in memory
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "lib/os/fd.h"
#include "lib/os/io.h"
#include "remote/outgoing_body.h"
#include "remote/wire_writer.h"

namespace postern {

struct Outgoing {
  std::string wire;     // behind DATA
  std::string counted;  // behind BDAT
  std::uint64_t length;
  bool has_eight_bit;
};

inline std::string written(const OutgoingBody& body, WireWriter::Framing framing) {
  Fd const file{memfd_create("wire", MFD_CLOEXEC)};
  WireWriter writer{file.number(), framing, {}, 1min, Deadline::never()};
  if (!body.write(writer) || !writer.finish()) abort();
  lseek(file.number(), 0, SEEK_SET);
  auto text = read_all(file.number(), 1u << 30);
  if (!text) abort();
  return *std::move(text);
}

// Nothing: it cannot be sent, and `why` says so.
inline std::optional<Outgoing> outgoing(std::string_view message, EightBit eight_bit, std::string_view header_lines = {},
                                        std::string* why = nullptr) {
  auto const body = OutgoingBody::make(header_lines, message, MessageTraits::of(message), eight_bit);
  if (!body) {
    if (why != nullptr) *why = body.error().text();
    return std::nullopt;
  }
  return Outgoing{written(*body, WireWriter::Framing::dots), written(*body, WireWriter::Framing::counted), body->wire_length(),
                  body->has_eight_bit()};
}

}  // namespace postern
