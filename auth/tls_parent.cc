#include "auth/tls_parent.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "lib/net/tls_protocol.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;
constexpr std::size_t most = 1000;           // connections, each a process
constexpr std::ptrdiff_t most_of_one = 333;  // of one asker's uid: three of them ask, and none can take another's place
constexpr unsigned most_crashes = 8;         // each may be a guess at where things are in memory

void refuse(const Fd& asker, uid_t uid, std::string_view reason) {
  LogLine{"refused"}.add("uid", std::uint64_t{uid}).add("reason", reason).write();
  std::string const said = tls_refusal(TlsTrouble::own, reason);
  [[maybe_unused]] auto const sent = send(asker.number(), said.data(), said.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Status TlsParent::prepare() {
  signals_ = TRY(signal_events({SIGTERM, SIGHUP, SIGCHLD}));
  return set_nonblocking(listener);
}

void TlsParent::start(Fd asker, uid_t uid) {
  pid_t const pid = fork();
  if (pid > 0) {
    children_.push_back({pid, uid});
    return;
  }
  if (pid < 0) {
    LogLine{"fork"}.add("error", system_error("fork").text()).write();
    listener_.rest();
    return refuse(asker, uid, "no process can be made");
  }
  signals_.close();
  close(listener);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  role_.serve(std::move(asker));
  _exit(0);
}

void TlsParent::accept_all() {
  while (listener_.number_while(children_.size() < most) >= 0) {
    Fd asker = listener_.accept(0);
    if (!asker.is_open()) return;
    auto const peer = peer_of(asker.number());
    if (!peer) {
      LogLine{"refused"}.add("error", peer.error().text()).write();
      continue;
    }
    auto const is_same = [uid = peer->uid](const Child& child) { return child.uid == uid; };
    if (std::find(askers_.begin(), askers_.end(), peer->uid) == askers_.end())
      refuse(asker, peer->uid, "this user may not ask");
    else if (std::count_if(children_.begin(), children_.end(), is_same) >= most_of_one)
      refuse(asker, peer->uid, "too many connections of this user");
    else
      start(std::move(asker), peer->uid);
  }
}

void TlsParent::reap() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    bool const was_stopped = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
    if (WIFSIGNALED(status) && !was_stopped) ++crashed_;
    if (WIFSIGNALED(status))
      LogLine{"died"}
          .add("child", static_cast<std::uint64_t>(pid))
          .add("signal", static_cast<std::uint64_t>(WTERMSIG(status)))
          .write();
    std::erase_if(children_, [pid](const Child& child) { return child.pid == pid; });
  }
}

Status TlsParent::run(std::string_view notify) {
  bool is_told = false;
  for (;;) {
    Deadline const next = role_.look_after().or_sooner(listener_.wakes());
    if (role_.is_over()) return Done{};
    if (!is_told) notify_ready(notify);
    is_told = true;
    pollfd waiting[2] = {{signals_.number(), POLLIN, 0}, {listener_.number_while(children_.size() < most), POLLIN, 0}};
    if (poll(waiting, 2, next.poll_timeout()) < 0 && errno != EINTR) return system_error("poll");
    for (int signal; (signal = next_signal(signals_)) != 0;) {
      if (signal == SIGTERM) return Done{};
      if (signal == SIGHUP && !role_.hang_up()) return Done{};
    }
    reap();
    if (crashed_ >= most_crashes) {
      LogLine{"renewed"}.add("reason", "too many connections crashed").write();
      return Done{};
    }
    if (waiting[1].revents != 0) accept_all();
  }
}

}  // namespace postern
