// message_transfer - one message from the wire into the queue, or one reason why not
//
// Bytes of a message that is refused are still read up to its end, so that no byte of it is ever taken for a command.
// A transfer that ends without finish() leaves nothing in the queue.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpd/message_body.h"
#include "smtpd/message_queue.h"
#include "smtpd/message_watch.h"
#include "smtpd/smtp_reply.h"
#include "smtpd/submission_header.h"

namespace postern {

class MessageTransfer {
 public:
  MessageTransfer(MessageQueue& queue, const SessionRules& rules, MessageBody::Framing framing)
      : queue_(queue), rules_(rules), body_(framing, rules.bare_lf), watch_(rules) {}
  MessageTransfer(const MessageTransfer&) = delete;
  MessageTransfer& operator=(const MessageTransfer&) = delete;
  ~MessageTransfer();

  // Before begin(): the header is to be looked through and completed.
  void mend_header(SubmissionHeader::Wanted wanted) { mender_.emplace(std::move(wanted)); }
  Status begin();
  void refuse(std::string_view reply);      // a literal; the first one stays
  std::size_t take(std::string_view wire);  // how many bytes were the message's
  bool has_ended() const { return body_.has_ended(); }
  std::uint64_t size() const { return body_.size(); }
  std::string_view refusal() const { return refusal_; }  // the reply, or empty while all is well

  struct Outcome {
    std::string reply;
    std::optional<QueueId> id;
    std::string error;  // for the log: what kept the queue from taking it
  };
  Outcome finish(const Envelope& envelope);  // after the last byte

 private:
  void judge();
  void pass_on();

  MessageQueue& queue_;
  const SessionRules& rules_;
  MessageBody body_;
  MessageWatch watch_;
  std::optional<SubmissionHeader> mender_;
  std::string text_;
  std::string_view refusal_;
  std::string error_;
  bool is_open_ = false;  // the queue holds a part of this message
};

}  // namespace postern
