// message_queue - where a message goes: queue-inject, reached when the first message needs it
#pragma once

#include <optional>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "lib/net/queue_protocol.h"

namespace postern {

// One message at a time: begin, add..., then commit or abandon. After an error the message is gone and begin() may be
// tried again.
class MessageQueue {
 public:
  virtual ~MessageQueue() = default;
  virtual Status begin() = 0;
  virtual Status add(std::string_view text) = 0;
  virtual Result<QueueAnswer> commit(const Envelope& envelope) = 0;
  virtual void abandon() = 0;
};

// The real one: run/queue-trusted/s, one connection for all messages of a session.
class QueueService final : public MessageQueue {
 public:
  Status begin() override;
  Status add(std::string_view text) override;
  Result<QueueAnswer> commit(const Envelope& envelope) override;
  void abandon() override;

 private:
  std::optional<QueueClient> client_;
};

}  // namespace postern
