// tls_door - where connections to tlsc come from, the tlsd that is the client of other hosts
//
// A confined remote can connect to no Unix socket: it asks remote-spawn for each, when a host is about to be asked for TLS; run
// by hand, it has connected ahead. An error is this host's trouble.
#pragma once

#include <vector>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

class TlsDoor {
 public:
  virtual ~TlsDoor() = default;
  virtual Result<Fd> open() = 0;  // a connection that nothing was said on
};

// A few, made before confine(): each serves one handshake.
class ConnectedDoor final : public TlsDoor {
 public:
  static ConnectedDoor make();
  Result<Fd> open() override;

 private:
  Status status_ = Done{};
  std::vector<Fd> connections_;
};

// Asks on the socket that joins this process with remote-spawn (lib/net/delivery_protocol.h).
class SpawnDoor final : public TlsDoor {
 public:
  explicit SpawnDoor(int socket) : socket_(socket) {}
  Result<Fd> open() override;

 private:
  int socket_;
};

}  // namespace postern
