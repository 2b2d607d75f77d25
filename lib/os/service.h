// service - the accept loop of every service on a Unix socket
//
// A pool of processes, forked ahead of need, each serving one client at a time: a client that breaks its process breaks
// nobody else's. The parent only forks and reaps. On TERM it stops forking and leaves; a process that waits for a
// client leaves with it, one that serves a client leaves when that client has no request under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/fd.h"
#include "lib/os/socket.h"

namespace postern {

struct ServicePool {
  unsigned most_clients = 100;
  unsigned spare = 4;              // processes that wait for a client
  unsigned most_per_uid = 0;       // clients at once of one uid; 0 is no limit. One more hears `refusal` and is closed.
  unsigned clients_per_process = 100;  // then it leaves and is replaced; 1 where clients must not share a process
  std::string_view refusal = {};
};

// What all processes of a pool see of each other.
struct ServiceSlot {
  std::atomic<std::uint32_t> is_busy;
  std::atomic<std::uint32_t> uid;
  std::atomic<std::uint64_t> unfinished;  // bytes: the handler's own count
};

class Client {
 public:
  Client(Fd socket, Peer peer, int stop, std::span<ServiceSlot> slots, ServiceSlot& own)
      : socket_(std::move(socket)), peer_(peer), stop_(stop), slots_(slots), own_(own) {}
  int fd() const { return socket_.number(); }
  const Peer& peer() const { return peer_; }
  // Waits for the first byte of a request, or the client's end. False: time is over or the service ends; return then.
  Result<bool> wait_for_request(Deadline deadline) const;
  // Sets this process's count, and gives the sum of all that serve this peer's uid.
  std::uint64_t set_unfinished(std::uint64_t bytes) const;

 private:
  Fd socket_;
  Peer peer_;
  int stop_;
  std::span<ServiceSlot> slots_;
  ServiceSlot& own_;
};

using Serve = void (*)(Client& client, void* context);

// Serves the listening socket on descriptor 0 until TERM. Says it is ready on the descriptor that `notify` names.
// `serve` runs in a process of its own for each client at a time; what it returns from is the end of that client.
Status serve_clients(const ServicePool& pool, std::string_view notify, Serve serve, void* context);

}  // namespace postern
