// smtp_reply - replies on their way to the client, kept until the moment of waiting: a batch is answered with one write
//
// A reply is a line without its CRLF, "250 2.1.0 Ok" (RFC 5321 §4.2, RFC 2034). RFC 2920 §3.2: what is kept must be
// flushed before waiting for the client.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "lib/net/queue_protocol.h"

namespace postern {

class ReplyWriter {
 public:
  explicit ReplyWriter(int fd) : fd_(fd) {}

  void say(std::string_view line);
  bool is_large() const { return waiting_.size() >= 16384; }  // do not keep more, whatever the client pipelines
  Status flush(Deadline deadline);

 private:
  int fd_;
  std::string waiting_;
};

// The reply for what queue-inject answered.
std::string reply_of(const QueueAnswer& answer);

}  // namespace postern
