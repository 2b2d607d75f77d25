#include "queue/queue_notice.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/socket.h"

namespace postern {
namespace {

bool send_to(const Fd& socket, const QueueId& id) {
  return socket.is_open() && send(socket.number(), id.view().data(), QueueId::length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

}  // namespace

void QueueNotice::tell(const QueueId& id) {
  if (send_to(socket_, id)) return;
  if (!socket_.is_open() || errno != EAGAIN) {  // never connected, or to a queue-send that is gone
    auto socket = connect_datagrams(service_socket("queue-send"));
    if (socket) socket_ = *std::move(socket);
    if (send_to(socket_, id)) return;
  }
  Fd const trigger{openat(run_.number(), "trigger", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)};
  if (!trigger.is_open()) return;
  [[maybe_unused]] auto const wrote = write(trigger.number(), "", 1);
}

}  // namespace postern
