// password_workers - children that try one password each: with crypt(3), or by asking those whom control/checkers names
//
// There are as many for hashes as there are cores; those who ask others only wait.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

// What to try, and against what: a hash, or the checkers' word.
struct PasswordJob {
  std::string_view password;
  std::string hash;
  std::string checkers;  // 'c' check-spawn, 's' shadow-spawn, in the order in which they are asked; empty: the hash counts
  std::string login, service, client;  // for them
  std::uint32_t uid = 0;               // likewise
};

class PasswordWorkers {
 public:
  enum class Outcome : char {
    wrong = 'n',
    right = 'y',
    impossible = 'e',
    later = 'l'
  };  // impossible: no scheme that crypt(3) knows
  struct Answer {
    Outcome outcome;
    std::string login = {};  // of a checker's yes: whose password it is
    std::string text = {};   // of later, for the log
  };

  // After confine(). `events` is an epoll descriptor; what is ready there has `first` and a worker's number in its data.
  Status start(unsigned count, int events, std::uint64_t first);
  unsigned count() const { return static_cast<unsigned>(workers_.size()); }

  std::optional<unsigned> idle();  // starts anew what could not be started before
  // Gives an idle one work; false: it is gone, and a new one stands in its place.
  bool begin(unsigned worker, const PasswordJob& job);
  // When its socket is ready. Nothing: it died, and a new one stands in its place.
  std::optional<Answer> finish(unsigned worker);

 private:
  struct Worker {
    pid_t pid = 0;
    Fd socket;
    bool is_busy = false;
  };
  Status start_one(Worker& worker);
  void replace(Worker& worker);

  std::vector<Worker> workers_;
  int events_ = -1;
  std::uint64_t first_ = 0;
};

}  // namespace postern
