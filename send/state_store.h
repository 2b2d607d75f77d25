// state_store - queue-send's own files, state/XX/ID: appended at once, made durable in batches by queue-clean
//
// A line is written to the file when append() is called, so it survives this process; it survives a power cut once the
// file was synced. Files with unsynced lines stay open until then. What the disk did not take (full) is kept and tried
// again; nothing behind it is written before it.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/mail/delivery_state.h"
#include "lib/mail/queue_id.h"
#include "lib/os/directory.h"

namespace postern {

class StateStore {
 public:
  explicit StateStore(Directory state) : state_(std::move(state)) {}

  // What is known of a message; nothing if there is no file. A torn last line is cut off.
  Result<std::optional<DeliveryState>> read(const QueueId& id) const;
  bool append(const QueueId& id, const std::string& lines);  // false: in memory only, for now
  void remove(const QueueId& id);                            // missing is fine
  std::vector<QueueId> list(unsigned directory) const;

  // A file of queue-send's own beside these: none is an empty one. Replaced as a whole; a power cut may leave any of both.
  Result<std::string> read_other(const std::string& name) const;
  Status replace_other(const std::string& name, std::string_view text) const;

  void request_sync(const QueueId& id);  // of what is there already, after a restart
  // A file whose sync may be asked for now: it has unsynced lines, all written, and none under way.
  struct Unsynced {
    QueueId id;
    int fd;
  };
  std::vector<Unsynced> unsynced() const;
  bool has_unsynced() const { return waiting_ > 0; }
  void sync_started(const QueueId& id);
  bool sync_ended(const QueueId& id);  // true: everything in the file is durable, and it was closed
  void syncs_lost();                   // queue-clean went away: they must be asked for again
  bool is_synced(const QueueId& id) const { return !files_.contains(id.text()); }
  void write_again();  // what could not be written

  bool all_synced() const { return files_.empty(); }
  bool is_full() const { return files_.size() >= most_open; }

 private:
  static constexpr std::size_t most_open = 500;
  struct File {
    Fd fd;
    std::string unwritten;
    bool is_dirty = false;  // lines that no sync covers yet
    bool is_syncing = false;
  };
  Result<Fd> open(const QueueId& id) const;
  void write(const std::string& id, File& file);
  void set_dirty(File& file, bool dirty);

  Directory state_;
  std::unordered_map<std::string, File> files_;  // by ID
  std::size_t waiting_ = 0;                      // dirty ones
};

}  // namespace postern
