// listener - connections from a listening socket that does not block, with rests
//
// A connection that cannot be taken, for want of descriptors or memory, keeps its socket readable: a loop around poll() would
// spin. So after such trouble, which is a line in the log, nothing is asked for until half a second has passed.
#pragma once

#include "lib/core/clock.h"
#include "lib/os/fd.h"

namespace postern {

class Listener {
 public:
  explicit Listener(int number) : number_(number) {}  // stays the caller's
  // One connection, close-on-exec, and with `flags` of accept4(2). Not open: there is none, or none can be had now.
  Fd accept(int flags);
  void rest();
  // For poll(): -1, which it passes over, during a rest, and while there is no room for another connection.
  int number_while(bool has_room) const { return has_room && rests_until_.has_passed() ? number_ : -1; }
  Deadline wakes() const { return rests_until_.has_passed() ? Deadline::never() : rests_until_; }

 private:
  int number_;
  Deadline rests_until_ = Deadline::in(0ms);
};

}  // namespace postern
