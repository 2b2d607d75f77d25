// socket - Unix-domain sockets: connect, know the peer, pass descriptors
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

// The socket of a service: run/SERVICE/s below the current directory.
std::string service_socket(std::string_view service);

Result<Fd> connect_stream(const std::string& path);
Result<Fd> connect_stream_at_once(const std::string& path);  // non-blocking: EAGAIN when too many wait to be accepted
Result<Fd> connect_datagrams(const std::string& path);       // non-blocking
Result<std::pair<Fd, Fd>> stream_pair();

struct Peer {
  uid_t uid;
  pid_t pid;
};
Result<Peer> peer_of(int socket);  // SO_PEERCRED: the kernel's word, not the peer's

// One message with at most one descriptor; the descriptor arrives with its first byte. All of `bytes` is sent.
Status send_with_fd(int socket, std::string_view bytes, int fd, Deadline deadline = Deadline::never());
// The system call alone, for who must not wait: sendmsg's result and errno.
ssize_t send_once_with_fd(int socket, std::string_view bytes, int fd, int flags);
// Reads at most room.size() bytes; 0 bytes is the end. Any second descriptor is closed.
struct Received {
  std::size_t bytes;
  Fd fd;
};
Result<Received> receive_with_fd(int socket, std::span<char> room);

// What a service must have found when it starts: Postern's directory around it, and on descriptor 0 its socket. Else the
// error says, to whoever ran it by hand, what it takes.
enum class ServiceSocket : unsigned char { listening, datagrams };
Status check_service(ServiceSocket kind);
Result<bool> is_listening_socket(int fd);

// Tells the supervisor that the service is ready: a newline on the descriptor that NOTIFY names; nothing without it.
void notify_ready(std::string_view notify_variable);

}  // namespace postern
