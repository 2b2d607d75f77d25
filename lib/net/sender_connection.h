// sender_connection - a spawner's side of its connection with queue-send (lib/net/delivery_protocol.h)
//
// One queue-send at a time. Outcomes are kept until it says that it has acted on them, whatever becomes of the connection: the
// next queue-send hears them first, and what still runs, so that its restart delivers nothing twice.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/net/delivery_protocol.h"
#include "lib/net/record_stream.h"

namespace postern {

class SenderConnection {
 public:
  explicit SenderConnection(uid_t queue_send) : queue_send_(queue_send) {}

  bool is_open() const { return stream_.has_value(); }
  int number() const { return stream_ ? stream_->number() : 0; }  // to wait on: the connection, or the listening socket

  // Takes a connection that waits, if it is queue-send's, and greets it.
  void accept(const std::vector<DeliveryKey>& running);
  // Reads once; closes when the other side is gone.
  void receive();
  // The next request that came. Nothing: there is none (more), or the connection is closed.
  std::optional<std::string> next_request();
  Fd take_fd() { return stream_ ? stream_->take_fd() : Fd{}; }
  void refuse(const Error& error);  // the other side speaks nonsense: says so in the log, and closes

  void report(DeliveryReport report);

 private:
  void tell(const std::string& records);

  uid_t queue_send_;
  std::optional<RecordStream> stream_;
  std::map<DeliveryKey, DeliveryReport> ended_;  // not yet forgotten
};

}  // namespace postern
