// queue_rows - a queued message as queue-desk tells of it: what an operator wants to see, and nothing to look at again
//
// What stands in it came from strangers in part: printable() or JSON comes before any of it is shown.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/net/desk_protocol.h"
#include "tools/queue_message.h"

namespace postern {

struct RecipientRow {
  std::string address;
  std::string word;    // pending, deferred, delivered, failed ...; unknown when the state cannot be read
  std::string reason;  // what was said of the last try
  bool is_tried;       // else what follows means nothing
  std::uint64_t time, tries, next;
  bool is_told;  // the sender was
};

struct MessageRow {
  QueueId id;
  std::string place;    // todo, broken
  std::string problem;  // empty: none
  std::string sender;
  std::string mark;  // held, deleted, or nothing
  std::uint64_t bytes;
  bool has_envelope;
  std::uint64_t mark_time, mark_uid;
  std::vector<RecipientRow> recipients;

  Seconds age(WallTime now) const;
};

using Tell = std::function<Status(const DeskAnswer&)>;
Status tell_message(const QueuedMessage& message, const Tell& tell);

// A recipient's answer belongs to the message in front of it.
Result<MessageRow> message_row(const DeskAnswer& answer);
RecipientRow recipient_row(const DeskAnswer& answer);

}  // namespace postern
