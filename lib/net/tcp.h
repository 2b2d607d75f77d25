// tcp - listening sockets, and who is at the ends of a connection
#pragma once

#include <string_view>

#include "lib/core/result.h"
#include "lib/net/ip.h"
#include "lib/os/fd.h"

namespace postern {

constexpr int listen_backlog = 1024;  // the kernel cuts it to net.core.somaxconn

Result<Endpoint> parse_endpoint(std::string_view address, std::string_view port);

// Bound and listening. IPv6 is IPv6 only, so `::` and `0.0.0.0` can be bound side by side.
Result<Fd> listen_on(const Endpoint& endpoint);
// For accept_connection(): not blocking, and connections inherit TCP_NODELAY. A permanent error unless it is a listening
// TCP socket.
Status prepare_listener(int socket);

struct Connection {
  Fd socket;
  Endpoint remote;
};
// A temporary error whose number() says why there was none (EAGAIN: nobody waits).
Result<Connection> accept_connection(int listener);
Result<Endpoint> local_endpoint(int socket);

}  // namespace postern
