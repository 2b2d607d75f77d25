// todo_scan - walks through queue/todo in small steps, and lists only the directories that changed
//
// A directory whose mtime is not yet two seconds old may change again within the same tick of the file system's clock,
// so it counts as unseen: the next walk lists it again.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "lib/mail/queue_id.h"
#include "lib/os/directory.h"

namespace postern {

class TodoScan {
 public:
  explicit TodoScan(const Directory& todo) : todo_(todo) {}

  void start();  // from the first directory; while a walk is under way: once more after it
  bool is_running() const { return directory_ < QueueId::directories; }
  // One directory or some names of it. IDs come out in `found`; `ended` names a directory all of whose IDs came out.
  struct Step {
    std::vector<QueueId> found;
    int ended = -1;
    bool is_first_walk = false;  // the one at start-up
  };
  Step step();
  void look_again(unsigned directory) { seen_[directory] = 0; }  // something there could not be taken up

 private:
  void list(unsigned directory);

  const Directory& todo_;
  std::array<std::int64_t, QueueId::directories> seen_{};  // mtime in ns when it was listed; 0: not for good
  unsigned directory_ = QueueId::directories;
  bool is_listed_ = false;
  bool again_ = false;
  bool is_first_ = true;
  std::vector<QueueId> names_;  // of the present directory, last one first
};

}  // namespace postern
