// queue-send - deliver what is in the queue: schedule, retry, limit, log
//
// run by   its s6 service, as pn-send; one at a time
// fds      0 datagram socket: a queue ID, "F" (flush all), "F" and an ID (flush one)
//          1 listening socket: orders of operators (lib/net/order_protocol.h); none if it is no socket   2 > log
// files    reads queue/todo/XX/ID (frame and envelope, never the message) and control/; writes state/XX/ID
//          and state/pauses; locks state/lock; reads bytes from the FIFO run/queue-send/trigger
// starts   nothing; asks local-spawn, remote-spawn, queue-clean and bounce
// exits    0 told to stop   100 a setting is wrong   111 not now, try again
// see      queue-send(8), doc/queue.md
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/os/account.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

constexpr int notifications = 0;
constexpr int orders = 1;

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

// Without the socket it delivers all the same, as when it is started by hand.
Result<int> order_listener() {
  if (TRY(is_listening_socket(orders))) return orders;
  LogLine{"orders"}.add("effect", "none are taken: descriptor 1 is no listening socket").write();
  return -1;
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty()) return permanent("usage: queue-send, without words, with a datagram socket on descriptor 0");
  TRY(check_service(ServiceSocket::datagrams));
  Directory todo = TRY(Directory::open("queue/todo"));
  Directory state = TRY(Directory::open("state"));
  Directory pauses_place = TRY(Directory::open("state"));
  Control control = TRY(Control::open());
  Fd const held = TRY(lock(state));
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  TRY(set_nonblocking(notifications));
  int const listener = TRY(order_listener());
  if (listener >= 0) TRY(set_nonblocking(listener));
  Fd trigger = open_trigger();
  Fd signals = TRY(signal_events({SIGTERM, SIGHUP, SIGALRM}));
  TRY(confine());
  PauseStore pauses = TRY(PauseStore::open(std::move(pauses_place)));
  SendSettings first_settings = TRY(SendSettings::read(control));
  QueueSender sender{std::move(todo),
                     std::move(state),
                     std::move(control),
                     std::move(first_settings),
                     {notifications, std::move(trigger), std::move(signals)},
                     OrderClients{listener, accounts.uid_of(Account::desk)},
                     std::move(pauses)};
  return sender.run(args.variable("NOTIFY").value_or(""));
}
