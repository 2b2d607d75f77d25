#include "lib/mail/queue_id.h"

#include <sys/random.h>

#include "lib/core/base32.h"

namespace postern {
namespace {
constexpr unsigned time_digits = 11;
constexpr unsigned chance_digits = 8;
}  // namespace

Result<QueueId> QueueId::parse(Wire wire) {
  if (wire.size() != length) return permanent("queue id: not 19 characters");
  QueueId id;
  for (std::size_t i = 0; i < length; ++i) {
    char const c = wire.bytes()[i];
    if (!is_base32_digit(c)) return permanent("queue id: not a base-32 digit");
    id.digits_[i] = c;
  }
  return id;
}

Result<QueueId> QueueId::fresh(WallTime now) {
  std::uint64_t chance = 0;
  if (getrandom(&chance, sizeof chance, 0) != static_cast<ssize_t>(sizeof chance)) return system_error("getrandom");
  std::string const text =
      base32(static_cast<std::uint64_t>(now.time_since_epoch().count()), time_digits) + base32(chance, chance_digits);
  return parse(Wire{text});
}

WallTime QueueId::created() const {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < time_digits; ++i) value = value << 5 | base32_value(digits_[i]);
  return WallTime{Microseconds{static_cast<std::int64_t>(value)}};
}

unsigned QueueId::directory_number() const { return base32_value(digits_[length - 2]) << 5 | base32_value(digits_[length - 1]); }

std::string QueueId::directory_name(unsigned number) { return base32(number, 2); }

}  // namespace postern
