// queue_notice - tells queue-send of a message without ever waiting for it
//
// A datagram with the ID. The kernel keeps about ten; when it takes no more, or nobody listens, a byte into the FIFO
// run/queue-send/trigger asks queue-send to look through todo/. When that fails too (there is no queue-send), nothing is
// lost: it looks when it starts, and every control/queuescan seconds.
#pragma once

#include "lib/mail/queue_id.h"
#include "lib/os/directory.h"

namespace postern {

class QueueNotice {
 public:
  explicit QueueNotice(const Directory& run) : run_(run) {}  // run/queue-send, which must outlive it
  void tell(const QueueId& id);

 private:
  const Directory& run_;
  Fd socket_;
};

}  // namespace postern
