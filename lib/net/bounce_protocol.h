// bounce_protocol - how queue-send asks bounce to tell a sender what became of a message (doc/protocols.md)
//
// A record: four bytes of length of what follows (big-endian, at most 1 MiB), a letter, and netstrings.
//   queue-send → bounce   B  id, then for each recipient: its index in the envelope, the letter of an action, when it was
//                            tried last, until when it will be tried (both in seconds since 1970), the text of the
//                            report; with the open queue file
//   bounce → queue-send   Y  id, ID of the bounce      N  id, why nobody is told      T  id, why not now: ask again later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/queue_id.h"

namespace postern {

constexpr std::size_t bounce_record_most = 1u << 20;
constexpr std::size_t bounce_recipients_most = 1000;  // of one request

// RFC 3464 §2.3.3: what the sender is to be told. All but failures only if the sender asked.
enum class Action : char { failed = 'D', delivered = 'K', relayed = 'Y', delayed = 'Z' };

struct BouncedRecipient {
  std::uint32_t index;
  Action action;
  std::int64_t tried = 0;  // seconds since 1970; 0 is not known
  std::int64_t until = 0;  // of delayed; 0 is not known, or it will not be tried again
  std::string text;
};

struct BounceRequest {
  QueueId id;
  std::vector<BouncedRecipient> recipients;  // at least one

  std::string encoded() const;
  static Result<BounceRequest> parse(Wire body);
};

struct BounceAnswer {
  enum class Kind : char { sent = 'Y', none = 'N', later = 'T' };
  Kind kind;
  QueueId id;
  std::string text;

  std::string encoded() const;
  static Result<BounceAnswer> parse(Wire body);
};

// A body's length from its four-byte head; an error when it is empty or longer than bounce_record_most.
Result<std::size_t> bounce_record_length(Wire head);

}  // namespace postern
