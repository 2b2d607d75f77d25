// text_sink - where text goes that is made piece by piece; its lines end in LF
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/core/result.h"

namespace postern {

class TextSink {
 public:
  virtual ~TextSink() = default;
  virtual Status add(std::string_view text) = 0;
};

// Bytes that a text has on the wire, where lines end in CRLF; dots and what ends a message are not counted (RFC 1870 §5). And
// whether it is ASCII.
class TextMeasure final : public TextSink {
 public:
  Status add(std::string_view text) override;
  std::uint64_t bytes() const { return bytes_; }
  bool has_eight_bit() const { return has_eight_bit_; }

 private:
  std::uint64_t bytes_ = 0;
  bool has_eight_bit_ = false;
};

}  // namespace postern
