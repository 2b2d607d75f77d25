// message_watch - looks on as a message's text goes by: bytes of header, bytes of a line, and how often it was received
//
// The header is what comes before the first line that is neither a field nor the rest of one. Received and
// Delivered-To fields are hops (RFC 5321 §6.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtpd/session_rules.h"

namespace postern {

class MessageWatch {
 public:
  explicit MessageWatch(const SessionRules& rules) : rules_(rules) {}

  void see(std::string_view text);  // the next piece; lines end in LF
  // The reply that refuses the message, or nothing. Once there is one it stays.
  std::string_view refusal() const { return refusal_; }
  std::uint64_t hops() const { return hops_; }

 private:
  void see_in_line(std::string_view bytes);
  void end_line();

  const SessionRules& rules_;
  std::string_view refusal_;
  bool is_in_header_ = true;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t line_bytes_ = 0;
  std::uint64_t hops_ = 0;
  std::string line_head_;  // the start of a header line
};

}  // namespace postern
