// pause_store - state/pauses while queue-send runs: a change is written at once, and lasts when queue-clean has synced it
#pragma once

#include "lib/os/directory.h"
#include "send/delivery_pauses.h"

namespace postern {

class PauseStore {
 public:
  // A file that cannot be understood is put aside, with a line in the log, and nothing is paused.
  static Result<PauseStore> open(Directory state);

  const Pauses& pauses() const { return pauses_; }
  // In force at once. False: it was so. An error: the disk did not take the line, and nothing has changed.
  Result<bool> add(const PauseScope& scope, Pause pause);
  Result<bool> end(const PauseScope& scope, Pause pause);

  // Its descriptor, when a sync may be asked for now; else -1.
  int unsynced() const { return is_dirty_ && !is_syncing_ ? file_.number() : -1; }
  void sync_started();
  bool sync_ended();  // true: everything in it lasts
  void sync_lost();   // queue-clean went away: it must be asked for again
  bool is_synced() const { return !is_dirty_ && !is_syncing_; }

 private:
  PauseStore(Directory state, Pauses pauses, std::uint64_t length)
      : state_(std::move(state)), pauses_(std::move(pauses)), length_(length) {}
  Status append(const std::string& line);
  Directory state_;
  Fd file_;  // open since the first change
  Pauses pauses_;
  std::uint64_t length_;  // of the file, when the last line was written
  bool is_dirty_ = false;
  bool is_syncing_ = false;
};

}  // namespace postern
