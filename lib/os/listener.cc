#include "lib/os/listener.h"

#include <sys/socket.h>

#include <cerrno>

#include "lib/core/result.h"
#include "lib/os/log.h"

namespace postern {

Fd Listener::accept(int flags) {
  Fd socket{accept4(number_, nullptr, nullptr, SOCK_CLOEXEC | flags)};
  if (socket.is_open() || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return socket;
  LogLine{"accept"}.add("error", system_error("accept").text()).write();
  rest();
  return socket;
}

void Listener::rest() { rests_until_ = Deadline::in(500ms); }

}  // namespace postern
