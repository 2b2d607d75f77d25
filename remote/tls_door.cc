#include "remote/tls_door.h"

#include "lib/net/delivery_protocol.h"
#include "lib/net/tls_client.h"
#include "lib/os/io.h"
#include "remote/spawn_record.h"

namespace postern {
namespace {

constexpr std::size_t hosts_by_hand = 4;

}  // namespace

ConnectedDoor ConnectedDoor::make() {
  ConnectedDoor door;
  while (door.connections_.size() < hosts_by_hand) {
    auto connection = connect_tlsc();
    if (!connection) {
      door.status_ = connection.error();
      break;
    }
    door.connections_.push_back(*std::move(connection));
  }
  return door;
}

Result<Fd> ConnectedDoor::open() {
  if (connections_.empty()) return status_ ? temporary("no further connection to tlsd; run it again") : status_.error();
  Fd connection = std::move(connections_.back());
  connections_.pop_back();
  return connection;
}

Result<Fd> SpawnDoor::open() {
  TRY(write_all(socket_, tls_wanted_record()));
  auto answer = TRY(receive_record(socket_));
  if (!answer) return temporary("remote-spawn is gone");
  std::string const trouble = TRY(parse_tls_answer(Wire{answer->body}));
  if (!answer->fd.is_open()) return temporary("remote-spawn has no connection to tlsd:", trouble);
  return std::move(answer->fd);
}

}  // namespace postern
