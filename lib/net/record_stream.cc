#include "lib/net/record_stream.h"

#include "lib/net/delivery_protocol.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {

bool RecordStream::receive() {
  char room[record_head + record_most];
  auto received = receive_with_fd(socket_.number(), room);
  if (!received) LogLine{"receive"}.add("error", received.error().text()).write();
  if (!received || received->bytes == 0) return false;
  bytes_.append(room, received->bytes);
  if (received->fd.is_open()) fds_.push_back(std::move(received->fd));
  return true;
}

Result<std::optional<std::string>> RecordStream::next() {
  if (bytes_.size() < record_head) return std::optional<std::string>{};
  std::size_t const length = TRY(record_length(Wire{std::string_view{bytes_}.substr(0, record_head)}));
  if (bytes_.size() < record_head + length) return std::optional<std::string>{};
  std::string body = bytes_.substr(record_head, length);
  bytes_.erase(0, record_head + length);
  return std::optional{std::move(body)};
}

Fd RecordStream::take_fd() {
  if (fds_.empty()) return Fd{};
  Fd fd = std::move(fds_.front());
  fds_.pop_front();
  return fd;
}

}  // namespace postern
