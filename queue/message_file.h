// message_file - a message on its way into the queue: queue/tmp/ID, then queue/todo/XX/ID
//
// Its name in tmp/ goes with it. What makes a message ours is commit()'s fsync, and nothing else.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"
#include "lib/os/directory.h"

namespace postern {

class MessageFile {
 public:
  static Result<MessageFile> create(const Directory& tmp);  // `tmp` must outlive it
  MessageFile(MessageFile&& other) noexcept;
  MessageFile& operator=(MessageFile&&) = delete;
  ~MessageFile();

  Status add(std::string_view bytes);
  std::uint64_t length() const { return frame_.message_length; }
  const QueueId& id() const { return id_; }

  // Envelope, frame, name in todo/, fsync. When fsync fails the file is emptied: an empty file in todo/ is a message
  // that was withdrawn before anybody was told that it is ours, and queue-clean removes it.
  Status commit(const Directory& todo, const std::string& envelope);

 private:
  MessageFile(const Directory& tmp, QueueId id, Fd file) : tmp_(&tmp), id_(id), file_(std::move(file)) {}
  const Directory* tmp_;  // null once moved from
  QueueId id_;
  Fd file_;
  Frame frame_{};
};

}  // namespace postern
