// queue-send - deliver what is in the queue: schedule, retry, limit, log
//
// run by   its s6 service, as pn-send; one at a time
// fds      0 datagram socket: a queue ID, "F" (flush all), "F" and an ID (flush one)   2 > log
// files    reads queue/todo/XX/ID (frame and envelope, never the message) and control/; writes state/XX/ID; locks
//          state/lock; reads bytes from the FIFO run/queue-send/trigger
// starts   nothing; asks local-spawn, remote-spawn, queue-clean and bounce
// exits    0 told to stop   100 a setting is wrong   111 not now, try again
// see      queue-send(8), doc/queue.md
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr int notifications = 0;

// Held until the process ends, so that two never run.
Result<Fd> lock(const Directory& state) {
  Fd file = TRY(state.append_file("lock", 0600));
  if (flock(file.number(), LOCK_EX | LOCK_NB) != 0) return system_error("another queue-send is running; it holds state/lock");
  return file;
}

Fd open_trigger() {
  constexpr const char* path = "run/queue-send/trigger";
  Fd fifo{open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)};  // for writing as well, so that it never ends
  if (!fifo.is_open()) LogLine{"trigger"}.add("error", system_error("open", path).text()).write();
  return fifo;
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty()) return permanent("usage: queue-send, without words, with a datagram socket on descriptor 0");
  TRY(check_service(ServiceSocket::datagrams));
  Directory todo = TRY(Directory::open("queue/todo"));
  Directory state = TRY(Directory::open("state"));
  Control control = TRY(Control::open());
  Fd const held = TRY(lock(state));
  TRY(set_nonblocking(notifications));
  Fd trigger = open_trigger();
  Fd signals = TRY(signal_events({SIGTERM, SIGHUP, SIGALRM}));
  TRY(confine());
  SendSettings first_settings = TRY(SendSettings::read(control));
  QueueSender sender{std::move(todo),
                     std::move(state),
                     std::move(control),
                     std::move(first_settings),
                     {notifications, std::move(trigger), std::move(signals)}};
  return sender.run(args.variable("NOTIFY").value_or(""));
}
