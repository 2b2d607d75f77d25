#include "lib/os/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/log.h"

namespace postern {

Spawn& Spawn::argument(std::string word) {
  words_.push_back(std::move(word));
  return *this;
}

Spawn& Spawn::variable(std::string_view name, std::string_view value) {
  std::string entry{name};
  entry += '=';
  environment_.push_back(std::move(entry += value));
  return *this;
}

Spawn& Spawn::give(int number, int fd) {
  given_.push_back({number, fd});
  return *this;
}

Spawn& Spawn::as(Uid uid, Gid gid) {
  becomes_ = true;
  uid_ = uid.number();
  gid_ = gid.number();
  return *this;
}

Spawn& Spawn::in(std::string directory) {
  directory_ = std::move(directory);
  return *this;
}

Result<pid_t> Spawn::start() const {
  std::vector<char*> words, environment;
  for (const std::string& word : words_) words.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : environment_) environment.push_back(const_cast<char*>(entry.c_str()));
  words.push_back(nullptr);
  environment.push_back(nullptr);

  // vfork: the parent waits, and until exec the child only makes system calls. The group and user calls are made
  // directly, since libc's wrappers speak to other threads' bookkeeping.
  pid_t const pid = vfork();
  if (pid < 0) return system_error("vfork");
  if (pid > 0) return pid;

  for (const Given& given : given_) {
    if (given.fd == given.number) {
      fcntl(given.fd, F_SETFD, 0);
    } else if (dup2(given.fd, given.number) < 0) {
      _exit(111);
    }
  }
  if (becomes_) {
    if (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, gid_, gid_, gid_) != 0 ||
        syscall(SYS_setresuid, uid_, uid_, uid_) != 0)
      _exit(111);
  }
  if (!directory_.empty() && chdir(directory_.c_str()) != 0) _exit(111);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(words[0], words.data(), environment.data());
  _exit(111);
}

void reap_children(std::string_view event) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (status == 0) continue;
    LogLine{event}
        .add("child", static_cast<std::uint64_t>(pid))
        .add(WIFSIGNALED(status) ? "signal" : "exit",
             static_cast<std::uint64_t>(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)))
        .write();
  }
}

}  // namespace postern
