// full_flag - users/full/NAME, by which a mailbox's own programs tell smtpd that it is full
//
// Made by `postern user quota`, the mailbox's own, empty while there is room. `local` writes into it what room it found when
// it turned a message away, in bytes: a smaller message may still be sent. What is in it is the word of the mailbox's owner. It
// counts for full_flag_time; then a delivery has to see for itself, since an owner may have made room without our programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/os/directory.h"

namespace postern {

constexpr Seconds full_flag_time = 15min;

// What a file of users/full says.
struct FullFlag {
  std::uint64_t room;

  // A number and LF; what else is not empty is permanent, and means no room.
  static Result<FullFlag> parse(Wire text);
  std::string encoded() const;
};

// The room of a mailbox that is known to be full; nothing: it is not, or nobody knows. `full`: users/full.
std::optional<std::uint64_t> room_when_full(const Directory& full, const std::string& user, WallTime now);

// The mailbox's own end of it, opened before confine(): `path` is what the starter said. Not open: there is none, and all
// that it is asked does nothing.
class OwnFullFlag {
 public:
  static OwnFullFlag open(const std::optional<std::string_view>& path);
  void set(std::uint64_t room) const;
  void clear() const;

 private:
  Fd file_;
};

}  // namespace postern
