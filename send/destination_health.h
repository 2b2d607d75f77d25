// destination_health - how many transactions a destination may have at once, and how long it is left alone
//
// The window begins small, grows by one with each success, and halves with each failure that may pass; above half of where
// it last failed it grows by one for a whole window of successes. What a failure is depends on the lane. A mailbox that
// fails may be full for one message and not for the next: it rests after five failures in a row. A host that cannot be
// reached, or closes, does so to everyone: it rests at once, 10 seconds and then twice as long each time if it has answered
// lately (it may have had one connection too many), else an interval of the retry schedule, from the first to the last.
#pragma once

#include <cstdint>

#include "send/message_table.h"
#include "send/retry_schedule.h"

namespace postern {

enum class Lane : unsigned char { local, remote };
constexpr std::size_t lanes = 2;

// What became of a delivery, as far as its destination is concerned.
enum class Verdict : unsigned char {
  success,
  passing_failure,  // of a mailbox
  unreachable,      // of a host
  refused,          // it answered, and took nothing
  unknown           // nobody knows, or it was never tried
};

class Health {
 public:
  Health() = default;
  explicit Health(Lane lane) : window_(lane == Lane::local ? 2 : 1), lane_(lane) {}

  void succeeded(std::uint32_t limit);  // besides answered()
  void answered(Tick now);              // so it is well
  // A failure that may pass; of those that were under way when a rest began only the first counts. True: a rest begins.
  bool failed(const RetrySchedule& schedule, Tick now);
  void remember(std::uint8_t rests, Tick until);  // what was known before a restart
  void wake() { rest_until_ = 0; }                // somebody wants it tried now

  std::uint32_t window() const { return window_; }
  Tick rest_until() const { return rest_until_; }
  bool is_resting(Tick now) const { return rest_until_ > now; }
  std::uint8_t rests() const { return rests_; }        // by the schedule, in a row
  bool has_answered() const { return has_answered_; }  // and has not begun a rest by the schedule since

 private:
  bool begin_rest(Seconds length, Tick now);

  Tick rest_until_ = 0;
  std::uint16_t window_ = 1;
  std::uint16_t slow_above_ = 0xffff;
  std::uint16_t progress_ = 0;  // successes towards the next step above that
  std::uint8_t failures_ = 0;   // in a row
  std::uint8_t rests_ = 0;
  Lane lane_ = Lane::local;
  bool has_answered_ = false;
};

}  // namespace postern
