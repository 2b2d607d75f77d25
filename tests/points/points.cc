// points - run a program, number the system calls of one of its processes, and let one of them go wrong
//
// usage    points OUT ROLE BEGIN ACTION UID GID PROGRAM ARGUMENT...
//          OUT     descriptor that gets a line for each call counted, for the point, and for each process's end
//          ROLE    main: the program itself; fork: a process that it forked; exec: one that it started
//          BEGIN   where counting begins: birth; ready: after the write to the descriptor that NOTIFY names; accept: with
//                  the accept4() that a client comes out of; told: when it waits, after points got USR1 (until then the
//                  program runs at full speed; the report says "told")
//          ACTION  count | kill:N | errno:N:NUMBER | errno:N:NUMBER:on | short:N
// run by   the checks of tests/crash and tests/fault, as root
// exits    when all processes have ended (USR2 kills the program); 125 when it cannot do what it is asked
//
// A process is killed before its call N: what the kernel then knows is what it knew after call N-1, so that both sides
// of every call are points. A call that fails is not made: its number becomes -1, which every filter allows, and the
// error is put in the place of the result. `on`: so does every later call of the same number. A short write takes half.
// A close() that fails is made first: the kernel gives the descriptor back whatever it answers.
// Calls are counted for each process by itself; the first of its role that comes to N is the one.
//
// SPDX-License-Identifier: 0BSD
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

enum class What { count, kill, fail, cut };

struct Plan {
  int out = -1;
  std::string role, begin;
  What what = What::count;
  unsigned long at = 0;
  long error = 0;
  bool goes_on = false;
  int notify = -1;
};

struct Process {
  std::string role = "fork";
  bool has_stopped = false;  // the SIGSTOP that a traced child begins with
  bool is_counting = false;
  bool fails_now = false;
  unsigned long calls = 0;
  long number = -1;
  unsigned long piece = 0, length = 0;  // of a short write: where a length was changed, and what it was
};

Plan plan;
std::map<pid_t, Process> processes;
pid_t main_pid = 0;
bool is_untold = false;    // nothing is looked at yet
bool is_done = false;      // the point was reached
long failing_number = -1;  // and goes on for this call

[[noreturn]] void give_up(const std::string& why) {
  std::string const line = "points: " + why + ": " + std::strerror(errno) + "\n";
  [[maybe_unused]] auto const wrote = write(2, line.data(), line.size());
  _exit(125);
}

void say(const char* word, pid_t pid, const Process& process, long second) {
  std::string const line = std::string{word} + " " + process.role + " " + std::to_string(pid) + " " +
                           std::to_string(process.calls) + " " + std::to_string(process.number) + " " + std::to_string(second) +
                           "\n";
  [[maybe_unused]] auto const wrote = write(plan.out, line.data(), line.size());
}

unsigned long peek(pid_t pid, unsigned long at) {
  errno = 0;
  long const word = ptrace(PTRACE_PEEKDATA, pid, at, nullptr);
  if (errno != 0) give_up("read memory");
  return static_cast<unsigned long>(word);
}

void poke(pid_t pid, unsigned long at, unsigned long value) {
  if (ptrace(PTRACE_POKEDATA, pid, at, value) != 0) give_up("write memory");
}

// False: somebody else killed it; its end is the next we hear of it.
bool get_registers(pid_t pid, user_regs_struct& registers) {
  if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0) return true;
  if (errno != ESRCH) give_up("read registers");
  return false;
}

void set_registers(pid_t pid, const user_regs_struct& registers) {
  if (ptrace(PTRACE_SETREGS, pid, nullptr, &registers) != 0 && errno != ESRCH) give_up("write registers");
}

// Half of the first piece that is not empty, and nothing of those behind it. False: there is nothing to cut.
bool cut_pieces(pid_t pid, Process& process, unsigned long pieces, unsigned long& count) {
  for (unsigned long i = 0; i < count; ++i) {
    unsigned long const at = pieces + i * sizeof(iovec) + offsetof(iovec, iov_len);
    unsigned long const length = peek(pid, at);
    if (length == 0) continue;
    if (length == 1 && i + 1 == count) return false;
    process.piece = at;
    process.length = length;
    poke(pid, at, length / 2 == 0 ? 1 : length / 2);
    count = i + 1;
    return true;
  }
  return false;
}

// False: not a write, or of a single byte.
bool cut_short(pid_t pid, Process& process, user_regs_struct& registers) {
  switch (process.number) {
    case SYS_write:
    case SYS_pwrite64:
    case SYS_sendto:
      if (registers.rdx < 2 || (process.number == SYS_sendto && registers.r8 != 0))
        return false;  // with an address: whole, or not at all
      registers.rdx /= 2;
      return true;
    case SYS_writev: {
      unsigned long count = registers.rdx;
      bool const is_cut = cut_pieces(pid, process, registers.rsi, count);
      registers.rdx = count;
      return is_cut;
    }
    case SYS_sendmsg: {
      unsigned long count = peek(pid, registers.rsi + offsetof(msghdr, msg_iovlen));
      if (!cut_pieces(pid, process, peek(pid, registers.rsi + offsetof(msghdr, msg_iov)), count)) return false;
      poke(pid, registers.rsi + offsetof(msghdr, msg_iovlen), count);  // the caller makes its header anew for what is left
      return true;
    }
    default:
      return false;
  }
}

bool is_this_call(const Process& process) {
  return !is_done && process.is_counting && process.role == plan.role && process.calls == plan.at;
}

// Of a stop at a system call: whether it is about to be made.
bool enters(pid_t pid) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return false;  // it was killed
  return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

void enter_call(pid_t pid, Process& process) {
  user_regs_struct registers{};
  if (!get_registers(pid, registers)) return;
  process.number = static_cast<long>(registers.orig_rax);
  if (plan.begin == "accept" && process.number == SYS_accept4 && process.role == plan.role && !process.is_counting) {
    process.is_counting = true;
    process.calls = 0;
  }
  // A wait that the telling interrupted goes on as restart_syscall().
  bool const waits =
      process.number == SYS_restart_syscall || (process.number == SYS_poll && static_cast<int>(registers.rdx) != 0);
  if (plan.begin == "told" && pid == main_pid && waits && !process.is_counting) {
    process.is_counting = true;
    say("told", pid, process, 0);
  }
  if (process.is_counting) {
    ++process.calls;
    if (process.role == plan.role) say("call", pid, process, static_cast<long>(registers.rdi));
  }
  bool const is_here = plan.what != What::count && is_this_call(process);
  if (is_here && plan.what == What::kill) {
    is_done = true;
    say("hit", pid, process, static_cast<long>(registers.rdi));
    kill(pid, SIGKILL);
    return;
  }
  if (is_here && plan.what == What::cut && cut_short(pid, process, registers)) {
    is_done = true;
    say("hit", pid, process, static_cast<long>(registers.rdi));
    set_registers(pid, registers);
  }
  bool const again =
      plan.goes_on && is_done && process.number == failing_number && process.role == plan.role && process.is_counting;
  if (plan.what == What::fail && (is_here || again)) {
    if (is_here) {
      say("hit", pid, process, static_cast<long>(registers.rdi));
      failing_number = process.number;
    }
    is_done = true;
    process.fails_now = true;
    if (process.number == SYS_close) return;
    registers.orig_rax = ~0ul;
    set_registers(pid, registers);
  }
}

void leave_call(pid_t pid, Process& process) {
  if (process.fails_now || process.piece != 0 || process.number == SYS_accept4 || process.number == SYS_write) {
    user_regs_struct registers{};
    if (!get_registers(pid, registers)) return;
    if (process.fails_now) {
      registers.rax = static_cast<unsigned long>(-plan.error);
      set_registers(pid, registers);
    }
    if (process.piece != 0) poke(pid, process.piece, process.length);
    bool const found_nobody = process.number == SYS_accept4 && static_cast<long>(registers.rax) == -EAGAIN;
    if (plan.begin == "accept" && found_nobody) process.is_counting = false;  // another process took the client
    if (plan.begin == "ready" && process.number == SYS_write && static_cast<int>(registers.rdi) == plan.notify)
      process.is_counting = true;
  }
  process.fails_now = false;
  process.piece = 0;
}

void start(const char* uid, const char* gid, char** words) {
  main_pid = fork();
  if (main_pid < 0) give_up("fork");
  if (main_pid == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) give_up("be traced");
    raise(SIGSTOP);
    auto const number = [](const char* text) { return static_cast<unsigned>(std::strtoul(text, nullptr, 10)); };
    if (number(uid) != 0 && (setgroups(0, nullptr) != 0 || setgid(number(gid)) != 0 || setuid(number(uid)) != 0))
      give_up("become the user");
    for (int const given : {SIGTERM, SIGHUP, SIGALRM, SIGINT, SIGPIPE}) signal(given, SIG_DFL);
    execv(words[0], words);
    give_up(words[0]);
  }
  // What the program was given is not held open by us.
  int const nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nothing, 0);
  dup2(nothing, 1);
  if (plan.notify > 2) close(plan.notify);
  int status = 0;
  if (waitpid(main_pid, &status, 0) != main_pid || !WIFSTOPPED(status)) give_up("wait for the program");
  long const options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                       PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, main_pid, nullptr, options) != 0) give_up("trace");
  processes[main_pid].role = "main";
  processes[main_pid].has_stopped = true;
  is_untold = plan.begin == "told";
  signal(SIGUSR1, [](int) { kill(main_pid, SIGSTOP); });
  signal(SIGUSR2, [](int) { kill(main_pid, SIGKILL); });
  ptrace(is_untold ? PTRACE_CONT : PTRACE_SYSCALL, main_pid, nullptr, nullptr);
}

// The signal to go on with.
int stopped(pid_t pid, Process& process, int status) {
  int const signal = WSTOPSIG(status);
  int const event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) {
    if (enters(pid))
      enter_call(pid, process);
    else
      leave_call(pid, process);
    return 0;
  }
  if (event == PTRACE_EVENT_EXEC) {
    if (pid != main_pid) process.role = "exec";
    process.calls = 0;
    process.is_counting = plan.begin == "birth";
  }
  if (event != 0) return 0;
  if (signal == SIGSTOP && is_untold && pid == main_pid) {
    is_untold = false;
    return 0;
  }
  if (signal == SIGSTOP && !process.has_stopped) {
    process.has_stopped = true;
    process.is_counting = plan.begin == "birth" || (plan.begin == "ready" && processes[main_pid].is_counting);
    return 0;
  }
  return signal;
}

int follow() {
  int result = 125;
  for (;;) {
    int status = 0;
    pid_t const pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return result;  // none is left
    Process& process = processes[pid];
    if (WIFSTOPPED(status)) {
      int const signal = stopped(pid, process, status);
      ptrace(is_untold ? PTRACE_CONT : PTRACE_SYSCALL, pid, nullptr,
             signal);  // fails when it was killed: its end is the next we hear of it
      continue;
    }
    say("end", pid, process, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    if (pid == main_pid) result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    processes.erase(pid);
  }
}

bool read_action(const std::string& text) {
  std::size_t const colon = text.find(':');
  std::string const word = text.substr(0, colon);
  if (word == "count") return true;
  if (colon == std::string::npos) return false;
  char* rest = nullptr;
  plan.at = std::strtoul(text.c_str() + colon + 1, &rest, 10);
  if (word == "kill") plan.what = What::kill;
  if (word == "short") plan.what = What::cut;
  if (word == "errno") {
    if (*rest != ':') return false;
    plan.what = What::fail;
    plan.error = std::strtol(rest + 1, &rest, 10);
    plan.goes_on = std::strcmp(rest, ":on") == 0;
  }
  return plan.what != What::count && plan.at != 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 8 || !read_action(words[4])) {
    errno = EINVAL;
    give_up("usage: points OUT ROLE BEGIN ACTION UID GID PROGRAM ARGUMENT...");
  }
  plan.out = std::atoi(words[1]);
  plan.role = words[2];
  plan.begin = words[3];
  if (const char* const notify = getenv("NOTIFY")) plan.notify = std::atoi(notify);
  fcntl(plan.out, F_SETFD, FD_CLOEXEC);
  for (int const given : {SIGTERM, SIGHUP, SIGALRM, SIGINT, SIGPIPE}) signal(given, SIG_IGN);  // they are for the program
  start(words[5], words[6], words + 7);
  return follow();
}
