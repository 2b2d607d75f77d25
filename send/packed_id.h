// packed_id - a queue ID in 12 bytes: its 95 bits, most significant first
#pragma once

#include <array>
#include <cstdint>

#include "lib/core/base32.h"
#include "lib/mail/queue_id.h"

namespace postern {

class PackedId {
 public:
  PackedId() = default;
  explicit PackedId(const QueueId& id) {
    std::uint64_t high = 0;  // 12 digits
    std::uint64_t low = 0;   // 7 digits
    std::string_view const digits = id.view();
    for (std::size_t i = 0; i < high_digits; ++i) high = high << 5 | base32_value(digits[i]);
    for (std::size_t i = high_digits; i < QueueId::length; ++i) low = low << 5 | base32_value(digits[i]);
    words_ = {static_cast<std::uint32_t>(high >> 29), static_cast<std::uint32_t>((high & 0x1fffffff) << 3 | low >> 32),
              static_cast<std::uint32_t>(low)};
  }

  // Only of one that was made from an ID.
  QueueId unpacked() const {
    std::uint64_t const high = std::uint64_t{words_[0]} << 29 | words_[1] >> 3;
    std::uint64_t const low = std::uint64_t{words_[1] & 7} << 32 | words_[2];
    std::string const text = base32(high, high_digits) + base32(low, QueueId::length - high_digits);
    return *QueueId::parse(Wire{text});
  }

  WallTime created() const {
    std::uint64_t const high = std::uint64_t{words_[0]} << 29 | words_[1] >> 3;  // 12 digits, 11 of them time
    return WallTime{Microseconds{static_cast<std::int64_t>(high >> 5)}};
  }

  std::size_t hash() const { return (std::uint64_t{words_[2]} << 32 | words_[1]) * 0x9e3779b97f4a7c15u >> 16; }
  friend bool operator==(const PackedId&, const PackedId&) = default;

 private:
  static constexpr unsigned high_digits = 12;
  std::array<std::uint32_t, 3> words_{};
};

}  // namespace postern
