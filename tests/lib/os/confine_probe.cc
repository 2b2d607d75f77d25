// The process that confine_check.py confines: for every row of the manifest, and every call of a table, a child of its own
// confines itself to that row and makes the call. A line each: row, call, what was to happen, what happened.
//
//   confine_probe calls            system calls, against the promises of the rows
//   confine_probe files            what Landlock leaves, below the current directory, as confine_check.py laid it out
//   confine_probe network          a stranger's socket
//   confine_probe limits           descriptors and memory
//   confine_probe exec             a filter survives exec
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/os/confine.h"

namespace postern {
extern const std::string_view program_name;
const std::string_view program_name = "confine_probe";
}  // namespace postern

using namespace postern;

namespace {

struct Confined {
  const Row* row;
  Filter filter;
  unsigned promises;
};

template <std::size_t... I>
std::vector<Confined> all_rows(std::index_sequence<I...>) {
  static constexpr Filter filters[] = {make_filter(manifest[I].promises | manifest[I].kept_for_children)...};
  return {{&manifest[I], filters[I], manifest[I].promises | manifest[I].kept_for_children}...};
}

const std::vector<Confined>& rows() {
  static std::vector<Confined> const all = all_rows(std::make_index_sequence<std::size(manifest)>{});
  return all;
}

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) { return syscall(number, a, b, c, d, e); }
long address_of(const void* pointer) { return reinterpret_cast<long>(pointer); }

long call_of_32_bits() {
  long answer;
  asm volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory");  // getpid there
  return answer;
}

long fork_by_clone() {
  long const pid = call(SYS_clone, SIGCHLD);
  if (pid == 0) _exit(0);
  return pid;
}

// Each returns what the call returned; errno says why not.
struct Call {
  const char* name;
  unsigned promised_by;  // any of these; 0 is nobody
  long (*make)();
};

constexpr unsigned anyone = ~0u;
constexpr Call calls[] = {
    {"read", anyone, [] { return call(SYS_read, -1); }},
    {"number -1", anyone, [] { return call(-1) == -1 && errno == ENOSYS ? 0l : call(SYS_kill, getpid(), SIGKILL); }},
    {"openat", read_files | named_files | restricts, [] { return call(SYS_openat, AT_FDCWD, address_of("/"), O_RDONLY); }},
    {"stat", read_files, [] { return call(SYS_newfstatat, AT_FDCWD, address_of("/"), 0, 0); }},
    {"getdents64", read_files, [] { return call(SYS_getdents64, -1); }},
    {"chdir", read_files | becomes, [] { return call(SYS_chdir, address_of("/")); }},
    {"mkdirat", write_files, [] { return call(SYS_mkdirat, -1, address_of("x"), 0700); }},
    {"linkat", write_files, [] { return call(SYS_linkat, -1, address_of("x"), -1, address_of("y"), 0); }},
    {"unlinkat", write_files, [] { return call(SYS_unlinkat, -1, address_of("x"), 0); }},
    {"renameat2", write_files, [] { return call(SYS_renameat2, -1, address_of("x"), -1, address_of("y"), 0); }},
    {"ftruncate", write_files, [] { return call(SYS_ftruncate, -1, 0); }},
    {"fsync", write_files, [] { return call(SYS_fsync, -1); }},
    {"fchmod", chowns, [] { return call(SYS_fchmod, -1, 0); }},
    {"fchown", chowns, [] { return call(SYS_fchown, -1, 0, 0); }},
    {"symlink", loads, [] { return call(SYS_symlink, address_of(""), address_of("")); }},
    {"mknodat", loads, [] { return call(SYS_mknodat, -1, address_of("x"), 0, 0); }},
    {"socket AF_UNIX", local_sockets, [] { return call(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
    {"socketpair", local_sockets | accepts, [] { return call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 0); }},
    {"connect", local_sockets | connects | datagrams, [] { return call(SYS_connect, -1); }},
    {"socket AF_INET", listens | connects, [] { return call(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"socket AF_INET6", listens | datagrams, [] { return call(SYS_socket, AF_INET6, SOCK_DGRAM, 0); }},
    {"socket of MPTCP", listens, [] { return call(SYS_socket, AF_INET, SOCK_STREAM, 262); }},
    {"socket AF_INET, raw", listens, [] { return call(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_UDP); }},
    {"socket AF_NETLINK", interfaces, [] { return call(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }},
    {"socket AF_PACKET", 0, [] { return call(SYS_socket, AF_PACKET, SOCK_RAW, 0); }},
    {"socket AF_ALG", 0, [] { return call(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0); }},
    {"bind", listens | connects | datagrams, [] { return call(SYS_bind, -1); }},
    {"listen", listens, [] { return call(SYS_listen, -1, 1); }},
    {"accept4", accepts, [] { return call(SYS_accept4, -1); }},
    {"clone as fork does", forks, fork_by_clone},
    {"execve", starts, [] { return call(SYS_execve, address_of("/nowhere"), 0, 0); }},
    {"setresuid", becomes, [] { return call(SYS_setresuid, -1, -1, -1); }},
    {"setgroups", becomes, [] { return call(SYS_setgroups, 1 << 20, 0); }},
    {"prctl", starts | becomes | restricts, [] { return call(SYS_prctl, PR_GET_DUMPABLE); }},
    {"seccomp", restricts, [] { return call(SYS_seccomp, -1); }},
    {"landlock", restricts, [] { return call(SYS_landlock_restrict_self, -1); }},
    {"kill", loads, [] { return call(SYS_kill, getpid(), 0); }},
    {"tgkill", loads, [] { return call(SYS_tgkill, getpid(), getpid(), 0); }},
    {"memory that executes", starts,
     [] { return call(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); }},
    {"memory made executable", starts, [] { return call(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC); }},
    {"memory made executable by key", 0, [] { return call(SYS_pkey_mprotect, 0, 0, PROT_EXEC, -1); }},
    {"memfd_create", 0, [] { return call(SYS_memfd_create, address_of("x"), 0); }},
    {"clone a user namespace", 0, [] { return call(SYS_clone, CLONE_NEWUSER | SIGCHLD); }},
    {"unshare", 0, [] { return call(SYS_unshare, 0); }},
    {"setns", 0, [] { return call(SYS_setns, -1, 0); }},
    {"chroot", 0, [] { return call(SYS_chroot, address_of("/nowhere")); }},
    {"mount", 0, [] { return call(SYS_mount, 0, 0, 0, 0, 0); }},
    {"ptrace", 0, [] { return call(SYS_ptrace, -1); }},
    {"process_vm_readv", 0, [] { return call(SYS_process_vm_readv, -1); }},
    {"pidfd_getfd", 0, [] { return call(SYS_pidfd_getfd, -1, 0, 0); }},
    {"bpf", 0, [] { return call(SYS_bpf, -1); }},
    {"perf_event_open", 0, [] { return call(SYS_perf_event_open, 0, 0, -1, -1, 0); }},
    {"userfaultfd", 0, [] { return call(SYS_userfaultfd, -1); }},
    {"io_uring_setup", 0, [] { return call(SYS_io_uring_setup, 0, 0); }},
    {"keyctl", 0, [] { return call(SYS_keyctl, -1); }},
    {"init_module", 0, [] { return call(SYS_init_module, 0, 0, 0); }},
    {"kexec_load", 0, [] { return call(SYS_kexec_load, 0, -1, 0, 0); }},
    {"open_by_handle_at", 0, [] { return call(SYS_open_by_handle_at, -1, 0, 0); }},
    {"a call of the x32 ABI", 0, [] { return call(0x40000000 + SYS_getpid); }},
    {"a call of 32 bits", 0, call_of_32_bits},
    {"a call past the table", 0, [] { return call(700); }},
};

// How the child ended: "allowed", "killed" (SIGSYS), or something else.
template <class Act>
std::string outcome_of(const Confined& confined, Act act) {
  pid_t const pid = fork();
  if (pid == 0) {
    close(2);
    open("/dev/null", O_WRONLY);
    if (!confine_to(*confined.row, confined.filter)) _exit(99);
    _exit(act());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? "killed" : "signal " + std::to_string(WTERMSIG(status));
  switch (WEXITSTATUS(status)) {
    case 0:
      return "allowed";
    case 1:
      return "refused";
    case 99:
      return "could not confine itself";
    default:
      return "exit " + std::to_string(WEXITSTATUS(status));
  }
}

void say(const Row& row, const std::string& what, const std::string& want, const std::string& got) {
  std::printf("%.*s\t%s\t%s\t%s\n", static_cast<int>(row.name.size()), row.name.data(), what.c_str(), want.c_str(), got.c_str());
}

// A kernel without calls of 32 bits answers everybody who tries one with a fault: there is nothing to keep a program from.
bool has_calls_of_32_bits() {
  pid_t const pid = fork();
  if (pid == 0) {
    call_of_32_bits();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status);
}

void try_calls() {
  bool const has_32_bits = has_calls_of_32_bits();
  for (const Confined& confined : rows()) {
    for (const Call& one : calls) {
      if (one.make == call_of_32_bits && !has_32_bits) continue;
      bool const is_promised =
          one.promised_by == anyone || (confined.promises & (one.promised_by | (one.promised_by ? loads : 0))) != 0;
      say(*confined.row, one.name, is_promised ? "allowed" : "killed", outcome_of(confined, [&] {
        one.make();
        return 0;
      }));
    }
  }
}

bool can_open(const char* path, int flags) { return open(path, flags, 0600) >= 0; }

struct FileCase {
  std::string_view row;
  const char* name;
  bool is_allowed;
  bool (*act)();  // true: it was done
};

constexpr FileCase file_cases[] = {
    {"smtpd", "reads what says that a mailbox is full", true, [] { return can_open("users/full/alice", O_RDONLY); }},
    {"smtpd", "writes what says that a mailbox is full", false, [] { return can_open("users/full/alice", O_WRONLY); }},
    {"smtpd", "makes files there", false, [] { return can_open("users/full/other", O_WRONLY | O_CREAT); }},
    {"smtpd", "reads control", false, [] { return can_open("control/me", O_RDONLY); }},
    {"smtpd", "reads users", false, [] { return can_open("users/cdb", O_RDONLY); }},
    {"smtpd", "writes control", false, [] { return can_open("control/me", O_WRONLY); }},
    {"smtpd", "reads the queue", false, [] { return can_open("queue/todo/00/old", O_RDONLY); }},
    {"smtpd", "lists its own directory", false, [] { return can_open(".", O_RDONLY); }},
    {"smtpd", "reads /etc/passwd", false, [] { return can_open("/etc/passwd", O_RDONLY); }},
    {"smtpd", "leaves by ..", false, [] { return can_open("users/full/../../queue/todo/00/old", O_RDONLY); }},
    {"smtpd", "reads /proc/self", false, [] { return can_open("/proc/self/maps", O_RDONLY); }},
    {"queue-inject", "creates in tmp", true, [] { return can_open("queue/tmp/new", O_RDWR | O_CREAT | O_EXCL); }},
    {"queue-inject", "links from tmp into todo", true, [] { return link("queue/tmp/mine", "queue/todo/00/mine") == 0; }},
    {"queue-inject", "removes from tmp", true, [] { return unlink("queue/tmp/mine") == 0; }},
    {"queue-inject", "opens what is queued to read", false, [] { return can_open("queue/todo/00/old", O_RDONLY); }},
    {"queue-inject", "opens what is queued to write", false, [] { return can_open("queue/todo/00/old", O_WRONLY); }},
    {"queue-inject", "truncates what is queued", false, [] { return can_open("queue/todo/00/old", O_WRONLY | O_TRUNC); }},
    {"queue-inject", "removes what is queued", false, [] { return unlink("queue/todo/00/old") == 0; }},
    {"queue-inject", "moves what is queued to tmp", false, [] { return rename("queue/todo/00/old", "queue/tmp/old") == 0; }},
    {"queue-inject", "links what is queued into tmp", false, [] { return link("queue/todo/00/old", "queue/tmp/old") == 0; }},
    {"queue-inject", "replaces what is queued", false, [] { return rename("queue/tmp/other", "queue/todo/00/old") == 0; }},
    {"queue-inject", "lists the queue", false, [] { return can_open("queue/todo", O_RDONLY | O_DIRECTORY); }},
    {"queue-inject", "makes directories in the queue", false, [] { return mkdir("queue/todo/zz", 0700) == 0; }},
    {"queue-inject", "writes to the trigger", true, [] { return can_open("run/queue-send/trigger", O_WRONLY | O_NONBLOCK); }},
    {"queue-inject", "reads the state", false, [] { return can_open("state/00", O_RDONLY); }},
    {"queue-inject", "reads users", false, [] { return can_open("users/cdb", O_RDONLY); }},
    {"queue-send", "reads what is queued", true, [] { return can_open("queue/todo/00/old", O_RDONLY); }},
    {"queue-send", "changes what is queued", false, [] { return can_open("queue/todo/00/old", O_WRONLY); }},
    {"queue-send", "removes what is queued", false, [] { return unlink("queue/todo/00/old") == 0; }},
    {"queue-send", "creates in its state", true, [] { return can_open("state/new", O_RDWR | O_CREAT | O_EXCL); }},
    {"queue-send", "reads a home", false, [] { return can_open("home/alice/secret", O_RDONLY); }},
    {"queue-clean", "removes what is queued", true, [] { return unlink("queue/todo/00/gone") == 0; }},
    {"queue-clean", "moves what is broken", true, [] { return rename("queue/todo/00/bad", "queue/broken/bad") == 0; }},
    {"queue-clean", "reads control", false, [] { return can_open("control/me", O_RDONLY); }},
    {"queue-clean", "reads the state", false, [] { return can_open("state/00", O_RDONLY); }},
    {"bounce", "reads control", true, [] { return can_open("control/me", O_RDONLY); }},
    {"bounce", "reads the queue", false, [] { return can_open("queue/todo/00/old", O_RDONLY); }},
    {"inject", "reads the queue", false, [] { return can_open("queue/todo/00/old", O_RDONLY); }},
    {"tcplisten", "reads a program", true, [] { return can_open("/bin/sh", O_RDONLY); }},
    {"tcplisten", "changes control", false, [] { return can_open("control/me", O_WRONLY); }},
    {"tcplisten", "creates a file", false, [] { return can_open("/tmp/confine-probe", O_WRONLY | O_CREAT); }},
};

const Confined& confined_to(std::string_view name) {
  for (const Confined& confined : rows())
    if (confined.row->name == name) return confined;
  abort();
}

void try_files() {
  if (landlock_version() < 2) return;
  for (const FileCase& one : file_cases) {
    const Confined& confined = confined_to(one.row);
    // Its own promises, and those without which a case could not be tried: Landlock is what is tested.
    Confined const trying{confined.row, make_filter(stdio | read_files | write_files), 0};
    say(*confined.row, one.name, one.is_allowed ? "allowed" : "refused", outcome_of(trying, [&] { return one.act() ? 0 : 1; }));
  }
}

// A stranger's connection, disconnected and connected anew to somewhere else.
void try_network() {
  if (landlock_version() < 4) return;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int const listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  listen(listener, 8);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  int const client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  int const stranger = accept(listener, nullptr, nullptr);
  auto const again = [&] {
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    connect(stranger, &nowhere, sizeof nowhere);
    return connect(stranger, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : 1;
  };
  for (std::string_view const row : {"smtpd", "queue-inject", "queue-send", "bounce", "inject"})
    say(*confined_to(row).row, "connects a stranger's socket anew", "refused", outcome_of(confined_to(row), again));
}

void try_limits() {
  for (const Confined& confined : rows()) {
    if (confined.promises & loads) continue;
    const Limits& limits = confined.row->limits;
    say(*confined.row, "opens one descriptor too many", "refused",
        outcome_of(confined, [&] { return dup2(0, static_cast<int>(limits.open_files)) >= 0 ? 0 : 1; }));
    say(*confined.row, "takes more memory than it may", "refused", outcome_of(confined, [&] {
      void* const memory = mmap(nullptr, limits.memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return memory != MAP_FAILED ? 0 : 1;
    }));
  }
}

void try_exec(char* self) {
  const Confined& confined = confined_to("tcplisten");
  for (char* const act : {const_cast<char*>("unshare-now"), const_cast<char*>("nothing-now")}) {
    char* const words[] = {self, act, nullptr};
    char* const environment[] = {nullptr};
    say(*confined.row, act, act[0] == 'u' ? "killed" : "allowed",
        outcome_of(confined, [&] { return execve(self, words, environment); }));
  }
}

}  // namespace

int main(int count, char** words) {
  std::string_view const what = count > 1 ? words[1] : "";
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (what == "unshare-now") return static_cast<int>(call(SYS_unshare, 0));
  if (what == "nothing-now") return 0;
  if (what == "calls") try_calls();
  if (what == "files") try_files();
  if (what == "network") try_network();
  if (what == "limits") try_limits();
  if (what == "exec") try_exec(words[0]);
  return 0;
}
