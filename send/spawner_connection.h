// spawner_connection - queue-send's side of local-spawn or remote-spawn: requests out, reports in
//
// is_ready from the moment it has said all it knows of earlier deliveries ("A") until its connection ends.
#pragma once

#include <string_view>
#include <vector>

#include "lib/net/delivery_protocol.h"
#include "send/destination_health.h"
#include "send/service_connection.h"

namespace postern {

struct Spawner {
  Spawner(Lane its_lane, std::string_view service) : lane(its_lane), connection(service) {}

  Lane const lane;
  Connection connection;
  bool is_ready = false;

  std::vector<DeliveryReport> take_reports();  // whole ones; behind one that makes no sense the connection is closed
  bool takes_requests() const { return is_ready && connection.takes_descriptors(); }
  void forget(const DeliveryKey& key) { connection.send(forget_record(key)); }
};

}  // namespace postern
