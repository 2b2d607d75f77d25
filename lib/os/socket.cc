#include "lib/os/socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

Result<Fd> connect_socket(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return permanent("socket: path too long:", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd{socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return system_error("socket");
  while (connect(fd.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    if (errno != EINTR) return system_error("connect to", path);
  return fd;
}

}  // namespace

std::string service_socket(std::string_view service) {
  std::string path{"run/"};
  path += service;
  return path += "/s";
}

Result<Fd> connect_stream(const std::string& path) { return connect_socket(path, SOCK_STREAM); }
Result<Fd> connect_stream_at_once(const std::string& path) { return connect_socket(path, SOCK_STREAM | SOCK_NONBLOCK); }
Result<Fd> connect_datagrams(const std::string& path) { return connect_socket(path, SOCK_DGRAM | SOCK_NONBLOCK); }

Result<std::pair<Fd, Fd>> stream_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_error("socketpair");
  return std::pair{Fd{ends[0]}, Fd{ends[1]}};
}

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return system_error("SO_PEERCRED");
  return Peer{credentials.uid, credentials.pid};
}

ssize_t send_once_with_fd(int socket, std::string_view bytes, int fd, int flags) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

Status send_with_fd(int socket, std::string_view bytes, int fd, Deadline deadline) {
  for (;;) {
    ssize_t const sent = send_once_with_fd(socket, bytes, fd, 0);
    if (sent >= 0) return write_all(socket, bytes.substr(static_cast<std::size_t>(sent)), deadline);
    if (errno == EAGAIN)
      TRY(wait_writable(socket, deadline));
    else if (errno != EINTR)
      return system_error("send a descriptor");
  }
}

Result<Received> receive_with_fd(int socket, std::span<char> room) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec piece{room.data(), room.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_LEN(sizeof(int));  // its padding has room for a second descriptor: the kernel closes that
  ssize_t got;
  while ((got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) return system_error("receive");
  Received received{static_cast<std::size_t>(got), Fd{}};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd = Fd{fd};
  }
  return received;
}

Result<bool> is_listening_socket(int fd) {
  int value = 0;
  socklen_t length = sizeof value;
  bool const is_socket = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0;
  if (!is_socket && errno != EBADF && errno != ENOTSOCK) return system_error("ask what a descriptor is");
  return is_socket && value != 0;
}

Status check_service(ServiceSocket kind) {
  bool const has_control = access("control", F_OK) == 0;
  if (!has_control && errno != ENOENT) return system_error("look for", "control");
  if (!has_control) return permanent("started outside Postern's directory: there is no control/ here; see its manual page");
  if (kind == ServiceSocket::listening) {
    if (TRY(is_listening_socket(0))) return Done{};
    return permanent("descriptor 0 is no listening socket; s6 starts it with one; see its manual page");
  }
  int type = 0;
  socklen_t length = sizeof type;
  bool const is_socket = getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
  if (!is_socket && errno != EBADF && errno != ENOTSOCK) return system_error("ask what descriptor 0 is");
  if (!is_socket || type != SOCK_DGRAM)
    return permanent("descriptor 0 is no datagram socket; s6 starts it with one; see its manual page");
  return Done{};
}

void notify_ready(std::string_view notify_variable) {
  auto const number = parse_number(Wire{notify_variable}, 1000);
  if (!number) return;
  auto const fd = static_cast<int>(*number);
  [[maybe_unused]] auto const wrote = write(fd, "\n", 1);
  close(fd);
}

}  // namespace postern
