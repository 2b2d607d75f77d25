#include "lib/os/service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <vector>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/signals.h"

namespace postern {
namespace {

constexpr int listener = 0;
constexpr int retry_milliseconds = 500;  // when the kernel is short of something

struct Pool {
  const ServicePool& limits;
  std::span<ServiceSlot> slots;
  std::vector<pid_t> pids;       // by slot; 0 is free
  Fd stop_read, stop_write;      // the parent alone holds the writing end: when it is gone, the reading ends say so
  Fd change_read, change_write;  // a byte for each process that took a client or is free again
};

Result<std::pair<Fd, Fd>> make_pipe(int flags) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | flags) != 0) return system_error("pipe");
  return std::pair{Fd{ends[0]}, Fd{ends[1]}};
}

void tell_parent(const Pool& pool) {
  [[maybe_unused]] auto const wrote = write(pool.change_write.number(), "", 1);  // full means it will look anyway
}

// The number of clients of this uid, our own slot included.
unsigned clients_of(std::span<ServiceSlot> slots, uid_t uid) {
  unsigned count = 0;
  for (const ServiceSlot& slot : slots)
    if (slot.is_busy.load() != 0 && slot.uid.load() == uid) ++count;
  return count;
}

// False: the service is stopping.
bool wait_for_client(int events) {
  for (;;) {
    epoll_event event{};
    int const count = epoll_wait(events, &event, 1, -1);
    if (count > 0) return event.data.u32 == listener;
    if (count < 0 && errno != EINTR) return false;
  }
}

[[noreturn]] void work(Pool& pool, ServiceSlot& slot, Serve serve, void* context) {
  pool.stop_write.close();
  Fd const events{epoll_create1(EPOLL_CLOEXEC)};
  epoll_event on_client{};
  on_client.events = EPOLLIN | EPOLLEXCLUSIVE;  // one connection wakes one process
  on_client.data.u32 = listener;
  epoll_event on_stop{};
  on_stop.events = EPOLLIN;
  on_stop.data.u32 = 1;
  if (epoll_ctl(events.number(), EPOLL_CTL_ADD, listener, &on_client) != 0 ||
      epoll_ctl(events.number(), EPOLL_CTL_ADD, pool.stop_read.number(), &on_stop) != 0)
    _exit(111);
  for (unsigned served = 0; served < pool.limits.clients_per_process;) {
    if (!wait_for_client(events.number())) break;
    Fd socket{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
    if (!socket.is_open()) {
      bool const is_short = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
      if (is_short) LogLine{"accept"}.add("error", system_error("accept").text()).write();
      if (is_short) poll(nullptr, 0, retry_milliseconds);  // the client goes on waiting, and would wake us at once again
      continue;                                            // else another process took it
    }
    auto const peer = peer_of(socket.number());
    if (!peer) {
      LogLine{"refused"}.add("error", peer.error().text()).write();
      continue;
    }
    slot.uid.store(peer->uid);
    slot.is_busy.store(1);
    tell_parent(pool);
    if (pool.limits.most_per_uid != 0 && clients_of(pool.slots, peer->uid) > pool.limits.most_per_uid) {
      LogLine{"refused"}.add("uid", std::uint64_t{peer->uid}).add("reason", "too many connections of this uid").write();
      [[maybe_unused]] auto const sent =
          send(socket.number(), pool.limits.refusal.data(), pool.limits.refusal.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      Client client{std::move(socket), *peer, pool.stop_read.number(), pool.slots, slot};
      serve(client, context);
      ++served;  // one that was refused has told this process nothing: the next may have it
    }
    socket.close();
    slot.unfinished.store(0);
    slot.is_busy.store(0);
    tell_parent(pool);
  }
  _exit(0);
}

enum class Started : unsigned char { yes, no_room, failed };

Started start_process(Pool& pool, Serve serve, void* context) {
  for (std::size_t i = 0; i < pool.pids.size(); ++i) {
    if (pool.pids[i] != 0) continue;
    pid_t const pid = fork();
    if (pid < 0) {
      LogLine{"fork"}.add("error", system_error("fork").text()).write();
      return Started::failed;
    }
    if (pid == 0) {
      // Signals are the parent's business; processes leave when they see that it is gone.
      work(pool, pool.slots[i], serve, context);
    }
    pool.pids[i] = pid;
    return Started::yes;
  }
  return Started::no_room;
}

// False: a process could not be started that should wait now, and nothing but time may tell when it can be.
bool fill(Pool& pool, Serve serve, void* context) {
  for (;;) {
    unsigned idle = 0;
    for (std::size_t i = 0; i < pool.pids.size(); ++i)
      if (pool.pids[i] != 0 && pool.slots[i].is_busy.load() == 0) ++idle;
    if (idle >= pool.limits.spare) return true;
    Started const started = start_process(pool, serve, context);
    if (started != Started::yes) return started == Started::no_room;
  }
}

void reap(Pool& pool) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (WIFSIGNALED(status))
      LogLine{"died"}
          .add("child", static_cast<std::uint64_t>(pid))
          .add("signal", static_cast<std::uint64_t>(WTERMSIG(status)))
          .write();
    for (std::size_t i = 0; i < pool.pids.size(); ++i) {
      if (pool.pids[i] != pid) continue;
      pool.pids[i] = 0;
      pool.slots[i].unfinished.store(0);
      pool.slots[i].is_busy.store(0);
    }
  }
}

}  // namespace

Result<bool> Client::wait_for_request(Deadline deadline) const {
  for (;;) {
    pollfd waiting[2] = {{socket_.number(), POLLIN, 0}, {stop_, POLLIN, 0}};
    int const ready = poll(waiting, 2, deadline.poll_timeout());
    if (ready < 0 && errno != EINTR) return system_error("poll");
    if (ready == 0 && deadline.has_passed()) return false;
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) return true;
    return false;
  }
}

std::uint64_t Client::set_unfinished(std::uint64_t bytes) const {
  own_.unfinished.store(bytes);
  std::uint64_t sum = 0;
  for (const ServiceSlot& slot : slots_)
    if (slot.is_busy.load() != 0 && slot.uid.load() == peer_.uid) sum += slot.unfinished.load();
  return sum;
}

Status serve_clients(const ServicePool& limits, std::string_view notify, Serve serve, void* context) {
  TRY(set_nonblocking(listener));
  std::size_t const size = limits.most_clients * sizeof(ServiceSlot);
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return system_error("shared memory");
  std::span<ServiceSlot> const slots{new (memory) ServiceSlot[limits.most_clients]{}, limits.most_clients};

  auto [stop_read, stop_write] = TRY(make_pipe(0));
  auto [change_read, change_write] = TRY(make_pipe(O_NONBLOCK));
  Pool pool{limits,
            slots,
            std::vector<pid_t>(limits.most_clients, 0),
            std::move(stop_read),
            std::move(stop_write),
            std::move(change_read),
            std::move(change_write)};

  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));

  bool is_full = fill(pool, serve, context);
  notify_ready(notify);
  for (;;) {
    pollfd waiting[2] = {{signals.number(), POLLIN, 0}, {pool.change_read.number(), POLLIN, 0}};
    if (poll(waiting, 2, is_full ? -1 : retry_milliseconds) < 0 && errno != EINTR) return system_error("poll");
    for (int signal; (signal = next_signal(signals)) != 0;)
      if (signal == SIGTERM) return Done{};
    char changes[256];
    while (read(pool.change_read.number(), changes, sizeof changes) > 0) {
    }
    reap(pool);
    is_full = fill(pool, serve, context);
  }
}

}  // namespace postern
