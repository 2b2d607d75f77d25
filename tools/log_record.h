// log_record - one line of a log as s6-log keeps it: a TAI64N stamp, and what a program wrote (lib/os/log.h)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// "@" and 24 hexadecimal digits: seconds and nanoseconds of International Atomic Time.
class LogStamp {
 public:
  static Result<LogStamp> parse(Wire text);
  std::int64_t seconds() const { return seconds_; }  // since 1970, UTC
  std::uint32_t nanoseconds() const { return nanoseconds_; }
  friend auto operator<=>(const LogStamp&, const LogStamp&) = default;

 private:
  std::int64_t seconds_ = 0;
  std::uint32_t nanoseconds_ = 0;
};

struct LogField {
  std::string key, value;  // unquoted: any bytes
};

struct LogRecord {
  LogStamp stamp;
  std::vector<LogField> fields;  // in their order; what is not key=value has an empty key

  static Result<LogRecord> parse(Wire line);  // without LF; an error: no stamp
  const std::string* value_of(std::string_view key) const;
};

}  // namespace postern
