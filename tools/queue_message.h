// queue_message - one queued message as the operator sees it: its envelope and what became of each recipient
//
// Read from queue/todo/XX/ID (or queue/broken/ID) and state/XX/ID while others work on them: a message that is gone when
// it is opened was delivered, and is none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/mail/delivery_state.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"
#include "lib/os/directory.h"

namespace postern {

enum class QueuePlace : unsigned char { todo, broken };

struct QueueEntry {
  QueueId id;
  QueuePlace place;
};

struct QueuedMessage {
  QueueEntry entry;
  Fd file;
  std::uint64_t bytes = 0;  // of the file
  Frame frame;
  std::optional<Envelope> envelope;    // none: the file is damaged, and `problem` says how
  std::optional<DeliveryState> state;  // none: it cannot be read, and `problem` may say why
  std::string problem;

  // pending, deferred, delivered, failed; unknown without a state
  std::string_view word_of(std::size_t recipient) const;
  const RecipientState* state_of(std::size_t recipient) const;  // nothing if it was never tried
};

class QueueView {
 public:
  static Result<QueueView> open();  // queue/ and state/ below the current directory

  Result<std::vector<QueueEntry>> entries() const;                   // the oldest first; then the broken ones
  std::optional<QueuedMessage> read(const QueueEntry& entry) const;  // nothing: it is gone
  std::optional<QueuedMessage> find(const QueueId& id) const;        // wherever it lies; nothing: nowhere
  const Directory& queue() const { return queue_; }
  const Directory* state() const { return state_ ? &*state_ : nullptr; }  // nothing: closed to this user

 private:
  QueueView(Directory queue, std::optional<Directory> state) : queue_(std::move(queue)), state_(std::move(state)) {}
  Result<Fd> open_file(const QueueEntry& entry) const;
  Result<std::optional<DeliveryState>> read_state(const QueueId& id) const;
  Directory queue_;
  std::optional<Directory> state_;  // closed to all but root and pn-send
};

}  // namespace postern
