#include "auth/auth_connection.h"

#include <string.h>
#include <sys/socket.h>

namespace postern {

bool RecordRoom::receive(int socket) {
  if (!room_) room_.reset(new char[size]);
  if (used_ == size) return true;  // a whole record is there, and is taken first
  ssize_t const got = recv(socket, room_.get() + used_, size - used_, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  used_ += static_cast<std::size_t>(got);
  return got > 0;
}

std::optional<std::string_view> RecordRoom::record(bool& is_wrong) const {
  is_wrong = false;
  if (used_ < record_head) return std::nullopt;
  auto const length = record_body_length(Wire{std::string_view{room_.get(), record_head}}, auth_record_most);
  is_wrong = !length;
  if (is_wrong || used_ < record_head + *length) return std::nullopt;
  return std::string_view{room_.get() + record_head, *length};
}

void RecordRoom::take() {
  bool is_wrong;
  auto const body = record(is_wrong);
  if (!body) return;
  std::size_t const whole = record_head + body->size(), rest = used_ - whole;
  memmove(room_.get(), room_.get() + whole, rest);
  explicit_bzero(room_.get() + rest, used_ - rest);
  used_ = rest;
  if (used_ == 0) room_.reset();
}

void RecordRoom::wipe() {
  if (room_) explicit_bzero(room_.get(), size);
}

}  // namespace postern
