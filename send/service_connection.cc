#include "send/service_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr auto first_delay = Milliseconds{20};
constexpr auto longest_delay = Milliseconds{1000};
constexpr auto between_logs = Milliseconds{60'000};
constexpr std::size_t most_reads = 16;  // of one call: others have their turn

bool would_wait() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

bool Connection::connect() {
  if (is_open() || !next_try_.has_passed()) return false;
  auto socket = connect_stream_at_once(service_socket(service_));
  if (socket) {
    socket_ = *std::move(socket);
    output_.clear();
    input_.clear();
    return true;
  }
  if (delay_ == longest_delay && next_log_.has_passed()) {
    LogLine{"connect"}.add("service", service_).add("error", socket.error().text()).write();
    next_log_ = Deadline::in(between_logs);
  }
  close();
  return false;
}

void Connection::close() {
  socket_.close();
  output_.clear();
  is_full_ = false;
  delay_ = std::clamp(delay_ * 2, first_delay, longest_delay);
  next_try_ = Deadline::in(delay_);
}

bool Connection::send(std::string_view bytes, int fd) {
  if (!is_open()) return false;
  if (!output_.empty()) {
    if (fd >= 0) return false;  // a descriptor travels with its record's first byte
    output_ += bytes;
    return true;
  }
  ssize_t const sent = fd >= 0 ? send_once_with_fd(socket_.number(), bytes, fd, MSG_DONTWAIT)
                               : ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  is_full_ = sent < 0 && fd >= 0;
  if (is_full_) return false;
  if (sent < 0 && !would_wait()) return false;
  output_ += bytes.substr(sent < 0 ? 0 : static_cast<std::size_t>(sent));
  return true;
}

bool Connection::flush() {
  while (!output_.empty()) {
    ssize_t const sent = ::send(socket_.number(), output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent < 0) return would_wait();
    output_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

bool Connection::fill() {
  char room[16384];
  for (std::size_t reads = 0; reads < most_reads && input_.size() < most_input; ++reads) {
    ssize_t const got = read(socket_.number(), room, sizeof room);
    if (got < 0) return would_wait();
    if (got == 0) return false;
    input_.append(room, static_cast<std::size_t>(got));
  }
  return true;
}

bool Connection::work(short events) {
  if (!is_open()) return false;
  bool good = true;
  if (events & POLLOUT) {
    is_full_ = false;
    good = flush();
  }
  if (events & (POLLIN | POLLHUP | POLLERR)) good = fill() && good;
  if (!good) close();
  return good;
}

pollfd Connection::poll_entry() const {
  return {socket_.number(), static_cast<short>(output_.empty() && !is_full_ ? POLLIN : POLLIN | POLLOUT), 0};
}

}  // namespace postern
