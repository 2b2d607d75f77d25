#include "remote/spawn_record.h"

#include "lib/net/delivery_protocol.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {

Result<std::optional<SpawnRecord>> receive_record(int socket) {
  char head[record_head];
  Received received = TRY(receive_with_fd(socket, head));
  if (received.bytes == 0) return std::optional<SpawnRecord>{};
  TRY(read_exactly(socket, std::span{head}.subspan(received.bytes)));
  std::string body(TRY(record_length(Wire{std::string_view{head, sizeof head}})), '\0');
  TRY(read_exactly(socket, body));
  return std::optional{SpawnRecord{std::move(body), std::move(received.fd)}};
}

}  // namespace postern
