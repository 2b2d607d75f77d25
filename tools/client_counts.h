// client_counts - how many connections are open, in all and for each client
//
// A client is an IPv4 address or an IPv6 /64 (IpAddress::network). Connections are known by the process that serves them.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <unordered_map>

#include "lib/core/clock.h"
#include "lib/net/ip.h"

namespace postern {

struct OpenConnection {
  IpAddress remote;
  Milliseconds opened;  // on the monotonic clock
};

class ClientCounts {
 public:
  ClientCounts(std::size_t most, std::size_t most_per_client) : most_(most), most_per_client_(most_per_client) {}

  bool is_full() const { return connections_.size() >= most_; }
  bool has_too_many(const IpAddress& remote) const;  // one more would be over this client's limit
  void opened(pid_t pid, const IpAddress& remote, Milliseconds now);
  std::optional<OpenConnection> closed(pid_t pid);  // none: not one of ours
  std::size_t open() const { return connections_.size(); }
  std::size_t open_of(const IpAddress& remote) const;

 private:
  std::size_t most_;
  std::size_t most_per_client_;
  std::unordered_map<pid_t, OpenConnection> connections_;
  std::map<IpAddress, std::size_t> clients_;  // never an entry with 0
};

}  // namespace postern
