// message_copy - the bytes of a queued message to a file of the mailbox, checked on the way
//
// One pass: what stands in front of it (Return-Path, Delivered-To, the envelope's header lines), the message itself,
// its CRC, and a look at the Delivered-To fields of its header. A message that begins with a blank has no header (lib/mail/
// header.h): an empty line keeps its first line from going on with the last field in front, which is ours.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/maildir_name.h"
#include "lib/mail/queue_file.h"

namespace postern {

// Sees a header go by in pieces and finds the field "Delivered-To: RECIPIENT": a message that was here before.
class LoopWatch {
 public:
  explicit LoopWatch(std::string_view recipient) : recipient_(recipient) {}
  void see(std::string_view bytes);
  bool is_loop() const { return is_loop_; }

 private:
  void end_line();
  static constexpr std::size_t longest_line = 1024;  // no such field is longer
  std::string recipient_;
  std::string line_;
  bool is_in_header_ = true;
  bool is_loop_ = false;
};

// Permanent: the message loops (5.4.6). Temporary: the disk; or its bytes are not those that were accepted (their CRC),
// and then the operator must see it in the queue. Else the sizes of what was written.
Result<MessageSize> copy_message(int queue_file, const Frame& frame, std::string_view in_front, std::string_view recipient,
                                 int to);

}  // namespace postern
