#include "lib/os/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

Spawn& Spawn::alone() {
  is_alone_ = true;
  return *this;
}

// One that lies on a number that another is to get is copied out of the way.
Result<std::vector<Spawn::Given>> Spawn::apart(std::vector<Fd>& moved) const {
  std::vector<Given> given = given_;
  for (Given& one : given) {
    bool const is_in_the_way = std::any_of(given_.begin(), given_.end(), [&one](const Given& other) {
      return one.fd == other.number && one.number != other.number;
    });
    if (!is_in_the_way) continue;
    int highest = 0;
    for (const Given& other : given_) highest = std::max(highest, other.number);
    moved.emplace_back(fcntl(one.fd, F_DUPFD_CLOEXEC, highest + 1));
    if (!moved.back().is_open()) return error_of(Step::descriptors, errno);
    one.fd = moved.back().number();
  }
  return given;
}

// In the child: the step that failed, with its errno, or it does not come back. The group and user calls are made directly,
// since libc's wrappers speak to other threads' bookkeeping.
Spawn::Step Spawn::become(char* const* words, char* const* environment, const std::vector<Given>& given) const {
  for (const Given& one : given)
    if (one.fd == one.number ? fcntl(one.fd, F_SETFD, 0) != 0 : dup2(one.fd, one.number) < 0) return Step::descriptors;
  if (is_alone_) setsid();  // of a new process it cannot fail
  if (becomes_ && (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, gid_, gid_, gid_) != 0 ||
                   syscall(SYS_setresuid, uid_, uid_, uid_) != 0))
    return Step::user;
  if (!directory_.empty() && chdir(directory_.c_str()) != 0) return Step::directory;
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(words[0], words, environment);
  return Step::program;
}

Error Spawn::error_of(Step step, int number) const {
  switch (step) {
    case Step::descriptors:
      return Error{Fate::temporary, "hand descriptors to", words_[0], number};
    case Step::user:
      return Error{Fate::temporary, "become the user for", words_[0], number};
    case Step::directory:
      return Error{Fate::temporary, "enter", directory_, number};
    default:
      return Error{Fate::temporary, "execute", words_[0], number};
  }
}

Result<pid_t> Spawn::start() const {
  std::vector<char*> words, environment;
  for (const std::string& word : words_) words.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : environment_) environment.push_back(const_cast<char*>(entry.c_str()));
  words.push_back(nullptr);
  environment.push_back(nullptr);

  std::vector<Fd> moved;
  std::vector<Given> const given = TRY(apart(moved));

  // vfork: the parent waits, and until exec the child only makes system calls. It has our memory, so it can say what failed.
  volatile Step failed = Step::none;
  volatile int number = 0;
  pid_t const pid = vfork();
  if (pid == 0) {
    failed = become(words.data(), environment.data(), given);
    number = errno;
    _exit(111);
  }
  if (pid < 0) return system_error("vfork");
  if (failed == Step::none) return pid;
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return error_of(failed, number);
}

void reap_children() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (status == 0) continue;
    LogLine{"child-failed"}
        .add("child", static_cast<std::uint64_t>(pid))
        .add(WIFSIGNALED(status) ? "signal" : "exit",
             static_cast<std::uint64_t>(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)))
        .write();
  }
}

}  // namespace postern
