// queue_id - the name of one message in the queue, in every log line, every tool and the reply 250
//
// 19 digits of base 32: 11 of microseconds since 1970, 8 of chance. One spelling per ID, so names compare as bytes and
// sort by time. The directory of a queue file is the last two digits, which are chance and spread evenly.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class QueueId {
 public:
  static constexpr std::size_t length = 19;
  static constexpr unsigned directories = 1024;

  static Result<QueueId> parse(Wire text);
  static Result<QueueId> fresh(WallTime now);  // chance from getrandom

  std::string text() const { return {digits_.data(), length}; }
  std::string_view view() const { return {digits_.data(), length}; }
  std::string directory() const { return {digits_.data() + length - 2, 2}; }
  unsigned directory_number() const;  // 0 to directories - 1
  WallTime created() const;

  static std::string directory_name(unsigned number);  // 0 to directories - 1

  friend bool operator==(const QueueId&, const QueueId&) = default;
  friend auto operator<=>(const QueueId&, const QueueId&) = default;

 private:
  QueueId() = default;
  std::array<char, length> digits_;
};

}  // namespace postern
