// header_rewriter - the header as it leaves: addresses completed, what is missing added, what is secret gone
//
// Bcc, Resent-Bcc, Return-Path and Content-Length never leave. A message with a Resent- field is a forwarded one:
// recipients come from its Resent- fields, and Resent- fields are what is added.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "inject/command_line.h"
#include "inject/sender_names.h"
#include "lib/core/clock.h"
#include "lib/mail/queue_id.h"

namespace postern {

// What is different about this message: for Date, Message-ID and a marked sender.
struct MessageMoment {
  WallTime time;
  QueueId id;  // any fresh one
  pid_t process;
};

struct RewrittenHeader {
  std::string text;  // without the empty line behind it
  std::vector<Address> recipients;
  Address sender;
};

// `header` is whole fields, as HeaderEnd found them.
Result<RewrittenHeader> rewrite_header(std::string_view header, const CommandLine& line, const SenderNames& names,
                                       const MessageMoment& moment, std::uint64_t most_hops);

}  // namespace postern
