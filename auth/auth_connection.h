// auth_connection - one who asks authd: the record that is arriving, and where its question stands
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "auth/scram_exchange.h"
#include "auth/secret_word.h"
#include "lib/core/clock.h"
#include "lib/net/ip.h"
#include "lib/net/record.h"
#include "lib/os/fd.h"

namespace postern {

// The bytes of a record as they come, in one place that is wiped.
class RecordRoom {
 public:
  ~RecordRoom() { wipe(); }
  bool is_empty() const { return used_ == 0; }
  // Reads what there is. False: the other side is gone, or sends what no record is.
  bool receive(int socket);
  // The first whole record's body; valid until the next call. `is_wrong`: its length cannot be.
  std::optional<std::string_view> record(bool& is_wrong) const;
  void take();  // the first record goes

 private:
  static constexpr std::size_t size = record_head + auth_record_most;
  void wipe();
  std::unique_ptr<char[]> room_;
  std::size_t used_ = 0;
};

// One try to log in, from the question to its answer.
struct Attempt {
  std::uint64_t connection = 0;
  Milliseconds began{};
  AuthContext context;
  std::optional<IpAddress> client;
  bool is_trusted = false;
  std::string mechanism;       // "PLAIN" is any password, or SCRAM's
  std::string typed;           // as it is said in the log
  std::optional<Login> login;  // what it means; or nothing that could be one
  std::optional<Login> found;  // whose password it is, where a checker said so
  Secret password;             // until it was tried
  std::string hash;            // that it is tried against
  std::string checkers;        // or these are asked (PasswordJob)
  std::uint32_t uid = 0;       // for them: of the login's mailbox
};

struct AuthConnection {
  Fd socket;
  bool is_for_tickets = false;
  bool is_busy = false;  // its question is being worked on, or its answer waits for its time
  Milliseconds last_used{};
  RecordRoom room;
  std::optional<ScramExchange> scram;  // `last` is awaited
  std::optional<Attempt> scram_attempt;
};

}  // namespace postern
