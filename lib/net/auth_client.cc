#include "lib/net/auth_client.h"

#include <array>

#include "lib/core/wipe.h"
#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

Result<AuthAnswer> read_answer(int socket, Deadline deadline) {
  std::array<char, record_head> head;
  TRY(read_exactly(socket, head, deadline));
  std::string body(TRY(record_body_length(Wire{std::string_view{head.data(), head.size()}}, auth_record_most)), '\0');
  TRY(read_exactly(socket, body, deadline));
  return AuthAnswer::parse(Wire{body});
}

}  // namespace

// A connection of before may have ended since; the second try is on a new one. A `last` means something on its own only.
Result<AuthAnswer> AuthService::ask(const AuthRequest& request, Deadline deadline) {
  std::string record = request.encoded();
  Wiped const wiped{record};
  bool was_connected = socket_.has_value();
  if (!was_connected && request.kind == AuthRequest::Kind::last) return temporary("authd: the connection of this login is gone");
  for (;;) {
    if (!socket_) socket_ = TRY(connect_stream_at_once(service_socket("authd")));
    auto const written = write_all(socket_->number(), record, deadline);
    auto answer = written ? read_answer(socket_->number(), deadline) : Result<AuthAnswer>{written.error()};
    if (answer) return answer;
    socket_.reset();  // what still comes on it would be taken for the next answer
    bool const is_gone = answer.error().number() == EPIPE || answer.error().number() == ECONNRESET;
    if (!is_gone || !was_connected || request.kind == AuthRequest::Kind::last)
      return Error{Fate::temporary, "ask authd", answer.error().what(), answer.error().number()};
    was_connected = false;
  }
}

}  // namespace postern
