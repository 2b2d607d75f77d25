// tcplisten - accept TCP connections and start a program for each: a UCSPI server
//
// usage    tcplisten [-c most] [-C most-per-client] [-b banner] [-f fd ...] [-l ADDRESS PORT ...] program [argument ...]
// run by   the s6 service of a TCP program: has its sockets or binds them as root, then is the user that UID, GID and
//          GIDLIST name (pn-smtp for smtpd), before the first connection
// fds      0<listening socket, unless -l says what to bind   2>log
// starts   the program: 0 and 1 the connection, 2 the log, and PROTO TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP TCPLOCALPORT
//          as its environment
// exits    0 on TERM, while sessions go on   100 wrong arguments, user or descriptors   111 not now, try again
// see      tcplisten(8)
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/core/number.h"
#include "lib/net/tcp.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "lib/os/spawn.h"
#include "tools/client_counts.h"
#include "tools/listen_options.h"
#include "tools/service_user.h"

using namespace postern;

namespace {

constexpr unsigned batch = 16;                      // connections taken before signals are looked at again
constexpr Milliseconds rest_after_failure = 100ms;  // when the system has no descriptor or process left
constexpr Milliseconds full_line_every = 1min;

class Server {
 public:
  Server(const ListenOptions& options, std::vector<int> listeners, const Fd& signals)
      : options_(options),
        counts_(options.most, options.most_per_client),
        child_(std::string{options.command[0]}),
        signals_(signals),
        waiting_{{signals.number(), POLLIN, 0}} {
    for (std::string_view const word : std::span{options.command}.subspan(1)) child_.argument(std::string{word});
    for (int const listener : listeners) waiting_.push_back({listener, POLLIN, 0});
  }

  Status run() {
    for (;;) {
      bool const takes_clients = !counts_.is_full() && rest_until_.has_passed();
      int const timeout = counts_.is_full() ? -1 : takes_clients ? -1 : rest_until_.poll_timeout();
      if (poll(waiting_.data(), takes_clients ? waiting_.size() : 1, timeout) < 0 && errno != EINTR) return system_error("poll");
      if (waiting_[0].revents != 0 && take_signals()) return Done{};
      if (!takes_clients) continue;
      for (std::size_t i = 1; i < waiting_.size(); ++i)
        if (waiting_[i].revents != 0) accept_some(waiting_[i].fd);
    }
  }

 private:
  // True when it is time to leave.
  bool take_signals() {
    for (int signal; (signal = next_signal(signals_)) != 0;) {
      if (signal == SIGCHLD) continue;
      LogLine{"status"}
          .add("open", counts_.open())
          .add("accepted", accepted_)
          .add("refused", refused_)
          .add("stopping", std::uint64_t{1})
          .write();
      return true;
    }
    reap();
    return false;
  }

  void reap() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      auto const connection = counts_.closed(pid);
      if (!connection) continue;
      LogLine line{"close"};
      line.add("ip", connection->remote.text()).add("child", static_cast<std::uint64_t>(pid));
      if (WIFSIGNALED(status))
        line.add("signal", static_cast<std::uint64_t>(WTERMSIG(status)));
      else
        line.add("exit", static_cast<std::uint64_t>(WEXITSTATUS(status)));
      line.add("ms", static_cast<std::uint64_t>((monotonic_now() - connection->opened).count()))
          .add("open", counts_.open())
          .write();
    }
  }

  void accept_some(int listener) {
    for (unsigned i = 0; i < batch && !counts_.is_full(); ++i) {
      auto const connection = accept_connection(listener);
      if (!connection) return has_failed(connection.error());
      if (counts_.has_too_many(connection->remote.address)) {
        refuse(*connection);
      } else if (auto const pid = start(*connection)) {
        counts_.opened(*pid, connection->remote.address, monotonic_now());
        ++accepted_;
        LogLine{"open"}
            .add("ip", connection->remote.address.text())
            .add("child", static_cast<std::uint64_t>(*pid))
            .add("open", counts_.open())
            .write();
      } else {
        return rest_after(pid.error());
      }
    }
    if (counts_.is_full()) say_full();
  }

  Result<pid_t> start(const Connection& connection) {
    auto const local = TRY(local_endpoint(connection.socket.number()));
    Spawn child = child_;
    child.variable("PROTO", "TCP")
        .variable("TCPREMOTEIP", connection.remote.address.text())
        .variable("TCPREMOTEPORT", decimal(connection.remote.port))
        .variable("TCPLOCALIP", local.address.text())
        .variable("TCPLOCALPORT", decimal(local.port))
        .give(0, connection.socket.number())
        .give(1, connection.socket.number());
    return child.start();
  }

  void refuse(const Connection& connection) {
    ++refused_;
    if (!options_.banner.empty()) {
      std::string const line = std::string{options_.banner} + "\r\n";
      // A new connection has room for a line; whoever closed already needs none.
      [[maybe_unused]] auto const sent = send(connection.socket.number(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    LogLine{"refused"}
        .add("ip", connection.remote.address.text())
        .add("open_of_client", counts_.open_of(connection.remote.address))
        .write();
  }

  void has_failed(const Error& error) {
    switch (error.number()) {
      case EAGAIN:  // nobody waits any more
      case EINTR:
      case ECONNABORTED:  // the client left while it waited
      case EPROTO:
        return;
      default:
        rest_after(error);
    }
  }

  void rest_after(const Error& error) {
    LogLine{"failed"}.add("reason", error.text()).write();
    rest_until_ = Deadline::in(rest_after_failure);
  }

  void say_full() {
    if (!next_full_line_.has_passed()) return;
    LogLine{"full"}.add("open", counts_.open()).write();
    next_full_line_ = Deadline::in(full_line_every);
  }

  const ListenOptions& options_;
  ClientCounts counts_;
  Spawn child_;  // what is the same for every connection
  const Fd& signals_;
  std::vector<pollfd> waiting_;  // signals, then the listeners
  Deadline rest_until_ = Deadline::in(0ms);
  Deadline next_full_line_ = Deadline::in(0ms);
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

Status program(Args args) {
  auto const options = TRY(ListenOptions::parse(args.arguments));
  if (access(std::string{options.command[0]}.c_str(), X_OK) != 0) return system_error("find", options.command[0]);
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return system_error("close_range");
  std::vector<Fd> bound;
  std::vector<int> listeners = options.descriptors;
  for (const Endpoint& endpoint : options.endpoints) listeners.push_back(bound.emplace_back(TRY(listen_on(endpoint))).number());
  for (int const listener : listeners) TRY(prepare_listener(listener));
  Fd const signals = TRY(signal_events({SIGTERM, SIGINT, SIGCHLD}));
  TRY(become_service_user(args));
  TRY(confine());
  Server server{options, listeners, signals};
  notify_ready(args.variable("NOTIFY").value_or(std::string_view{}));
  return server.run();
}
