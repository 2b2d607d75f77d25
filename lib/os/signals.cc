#include "lib/os/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace postern {

Result<Fd> signal_events(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int const number : signals) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return system_error("sigprocmask");
  Fd events{signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!events.is_open()) return system_error("signalfd");
  return events;
}

int next_signal(const Fd& events) {
  signalfd_siginfo signal{};
  return read(events.number(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal) ? static_cast<int>(signal.ssi_signo) : 0;
}

}  // namespace postern
