// count_client - counts at countd: how often something happened in the last minute, hour and day
//
// Records over run/countd/s: four bytes of length (big-endian, at most count_record_most), a letter, netstrings.
//   T  key, amount, most a minute, most an hour, most a day    count it, unless that would pass one of them (0 is no limit)
//   G  key, amount                                              give back what was counted
//   Q  key                                                      ask
// The answer is Y or N, then the counts of minute, hour and day as they are now, and "f" or nothing. N was not counted; its "f"
// says that it is the first time since what was counted was last no more than half of that limit: so that an operator hears of
// it once. Keys, and numbers of the asker's, are at most count_key_most bytes and count_most.
// A key is text of the asker's choice; askers do not see each other's keys (the kernel says who asks).
// countd keeps nothing on disk: a restart forgets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/os/fd.h"

namespace postern {

constexpr std::size_t count_record_most = 1024;
constexpr std::size_t count_key_most = 512;
constexpr std::uint64_t count_most = 1'000'000'000;

struct CountLimits {
  std::uint64_t minute = 0, hour = 0, day = 0;  // 0 is none
  friend bool operator==(const CountLimits&, const CountLimits&) = default;
};

struct CountRequest {
  enum class Kind : char { take = 'T', give_back = 'G', query = 'Q' };
  Kind kind = Kind::query;
  std::string key;
  std::uint64_t amount = 0;
  CountLimits limits;

  std::string encoded() const;
  static Result<CountRequest> parse(Wire body);
  friend bool operator==(const CountRequest&, const CountRequest&) = default;
};

struct Counted {
  bool is_within = true;
  bool is_first_refusal = false;
  std::uint64_t minute = 0, hour = 0, day = 0;

  std::string encoded() const;
  static Result<Counted> parse(Wire body);
  friend bool operator==(const Counted&, const Counted&) = default;
};

// Connected with the first question, and again when countd was started anew. An error: countd is not there, or does not answer
// in time; it is temporary.
class CountService {
 public:
  Result<Counted> ask(const CountRequest& request, Deadline deadline);

 private:
  Result<Counted> ask_once(const CountRequest& request, Deadline deadline);
  std::optional<Fd> socket_;
};

}  // namespace postern
