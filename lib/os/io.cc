#include "lib/os/io.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

namespace postern {
namespace {

Error timed_out() { return Error{Fate::temporary, "wait", {}, ETIMEDOUT}; }

Status wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    int const ready = poll(&waiting, 1, deadline.poll_timeout());
    if (ready > 0) return Done{};
    if (ready < 0 && errno != EINTR) return system_error("poll");
    if (deadline.has_passed()) return timed_out();
  }
}

bool would_block() { return errno == EAGAIN; }

// One call that never waits: a socket takes what it has room for. A pipe that poll() calls writable has room for PIPE_BUF.
// -1 and EAGAIN: wait first.
ssize_t write_at_once(int fd, std::span<iovec> pieces, bool& is_socket, bool is_writable) {
  if (is_socket) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    ssize_t const sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    is_socket = false;
  }
  if (!is_writable) {
    errno = EAGAIN;
    return -1;
  }
  return write(fd, pieces.front().iov_base, std::min<std::size_t>(pieces.front().iov_len, PIPE_BUF));
}

}  // namespace

Status wait_readable(int fd, Deadline deadline) { return wait_for(fd, POLLIN, deadline); }
Status wait_writable(int fd, Deadline deadline) { return wait_for(fd, POLLOUT, deadline); }

Result<std::size_t> read_some(int fd, std::span<char> room, Deadline deadline) {
  if (deadline.has_passed()) return timed_out();  // else a peer that always has more would never be late
  if (deadline.poll_timeout() >= 0) TRY(wait_readable(fd, deadline));
  for (;;) {
    ssize_t const got = read(fd, room.data(), room.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (would_block())
      TRY(wait_readable(fd, deadline));
    else if (errno != EINTR)
      return system_error("read");
  }
}

Status read_exactly(int fd, std::span<char> room, Deadline deadline) {
  while (!room.empty()) {
    std::size_t const got = TRY(read_some(fd, room, deadline));
    if (got == 0) {
      errno = ECONNRESET;
      return system_error("read: it ended early");
    }
    room = room.subspan(got);
  }
  return Done{};
}

Status write_all(int fd, std::string_view bytes, Deadline deadline) { return write_all(fd, bytes, {}, deadline); }

Status write_all(int fd, std::string_view first, std::string_view second, Deadline deadline) {
  bool const is_timed = deadline.poll_timeout() >= 0;
  bool is_socket = true;
  bool is_writable = false;
  while (!first.empty() || !second.empty()) {
    if (first.empty()) std::swap(first, second);
    iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
    std::span<iovec> const all{pieces, second.empty() ? 1u : 2u};
    ssize_t const wrote =
        is_timed ? write_at_once(fd, all, is_socket, is_writable) : writev(fd, pieces, static_cast<int>(all.size()));
    is_writable = false;
    if (wrote < 0) {
      if (would_block()) {
        TRY(wait_writable(fd, deadline));
        is_writable = true;
      } else if (errno != EINTR) {
        return system_error("write");
      }
      continue;
    }
    auto const gone = static_cast<std::size_t>(wrote);
    std::size_t const of_first = gone < first.size() ? gone : first.size();
    first.remove_prefix(of_first);
    second.remove_prefix(gone - of_first);
  }
  return Done{};
}

Status pread_exactly(int fd, std::span<char> room, off_t at) {
  while (!room.empty()) {
    ssize_t const got = pread(fd, room.data(), room.size(), at);
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error("read");
    }
    if (got == 0) return permanent("read: the file is shorter than it says");
    room = room.subspan(static_cast<std::size_t>(got));
    at += got;
  }
  return Done{};
}

Status pwrite_all(int fd, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    ssize_t const wrote = pwrite(fd, bytes.data(), bytes.size(), at);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return system_error("write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    at += wrote;
  }
  return Done{};
}

Status sync_file(int fd) {
  if (fsync(fd) != 0) return system_error("fsync");
  return Done{};
}

Result<std::string> read_all(int fd, std::size_t most) {
  std::string text;
  char room[4096];
  for (;;) {
    std::size_t const got = TRY(read_some(fd, room));
    if (got == 0) return text;
    if (got > most - text.size()) return permanent("read: the file is too large");
    text.append(room, got);
  }
}

Result<struct stat> status_of(int fd) {
  struct stat status {};
  if (syscall(SYS_fstat, fd, &status) != 0) return system_error("look at a descriptor");
  return status;
}

Status set_nonblocking(int fd) {
  int const flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return system_error("set a descriptor non-blocking");
  return Done{};
}

}  // namespace postern
