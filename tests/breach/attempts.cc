// attempts - what an attacker tries, one by one: the name in a plan's line, and how. None destroys more than what the plan names.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/core/number.h"
#include "tests/breach/attacker.h"

namespace postern {
namespace {

int answer_of(long result) { return result >= 0 ? 0 : errno; }
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) { return syscall(number, a, b, c, d, e); }
long address_of(const void* pointer) { return reinterpret_cast<long>(pointer); }
const char* path_of(const Words& words) { return words.at(2).c_str(); }
const char* second_path_of(const Words& words) { return words.at(3).c_str(); }
int number_of(const Words& words) {
  return static_cast<int>(parse_number(Wire{words.at(2)}, 1u << 30).has_value() ? *parse_number(Wire{words.at(2)}, 1u << 30) : 0);
}

int open_with(const Words& words, int flags) { return answer_of(open(path_of(words), flags | O_NONBLOCK | O_CLOEXEC, 0600)); }

int read_it(const Words& words, const Row&) {
  int const fd = open(path_of(words), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char byte;
  return fd < 0 ? errno : answer_of(read(fd, &byte, 1));
}

int make_then_remove(const Words& words, const Row&) {
  int const fd = open(path_of(words), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return answer_of(fd);
}

// --- sockets

int connect_unix(const std::string& name, bool is_abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + (is_abstract ? 1 : 0), sizeof address.sun_path - 2);
  auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  for (int const type : {SOCK_STREAM, SOCK_DGRAM}) {
    int const fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return 0;
    if (errno != EPROTOTYPE) return errno == EAGAIN ? 0 : errno;  // its backlog is full, but the door was open
  }
  return EPROTOTYPE;
}

sockaddr_in loopback(const Words& words) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(number_of(words)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int connect_internet(const Words& words, int type) {
  int const fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in const address = loopback(words);
  return fd < 0 ? errno : answer_of(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int bind_internet(const Words&, const Row&) {
  int const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return errno;
  return answer_of(listen(fd, 1));
}

// Descriptor 0, disconnected and then connected to somewhere else.
int leave_stranger() {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  return connect(0, &nowhere, sizeof nowhere);
}
int turn_stranger(const Words& words, const Row&) {
  if (leave_stranger() != 0) return errno;
  sockaddr_in const address = loopback(words);
  return answer_of(connect(0, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
int turn_stranger_fast(const Words& words, const Row&) {
  leave_stranger();
  sockaddr_in const address = loopback(words);
  auto const* const there = reinterpret_cast<const sockaddr*>(&address);
  long const sent = sendto(0, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT, there, sizeof address);
  return sent >= 0 || errno == EINPROGRESS ? 0 : errno;
}

// --- other processes

int signal_by_descriptor(const Words& words, const Row&) {
  int const fd = open("/dev/null", O_RDONLY);
  int const own = fd >= 0 ? fd : 2;
  if (fcntl(own, F_SETOWN, number_of(words)) != 0) return errno;
  return answer_of(fcntl(own, F_SETSIG, SIGURG));
}

int read_memory(const Words& words, const Row&) {
  char byte;
  iovec const here{&byte, 1}, there{const_cast<char*>("x"), 1};
  return answer_of(call(SYS_process_vm_readv, number_of(words), address_of(&here), 1, address_of(&there), 1));
}

int run_program(const Words& words, const Row&) {
  std::string const script = "exit 42";
  char* const arguments[] = {const_cast<char*>(path_of(words)), const_cast<char*>("-c"), const_cast<char*>(script.c_str()),
                             nullptr};
  char* const environment[] = {nullptr};
  pid_t const pid = vfork();
  if (pid == 0) {
    execve(arguments[0], arguments, environment);
    _exit(111);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return errno;
  if (WIFSIGNALED(status)) return EPERM;  // it lived no longer than to its first call that is not allowed
  return WEXITSTATUS(status) == 42 || WEXITSTATUS(status) == 0 ? 0 : EACCES;
}

int take_memory(int flags) {
  constexpr std::size_t size = 3ul << 30;
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return errno;
  munmap(memory, size);
  return 0;
}

int run_bytes(const Words&, const Row&) {
  void* const memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? errno : 0;
}

int many_descriptors(const Words&, const Row& row) { return answer_of(dup2(2, static_cast<int>(row.limits.open_files))); }

int raise_limit(const Words&, const Row&) {
  rlimit const more{RLIM_INFINITY, RLIM_INFINITY};
  return answer_of(call(SYS_prlimit64, 0, RLIMIT_DATA, address_of(&more), 0));
}

int all_capabilities(const Words&, const Row&) {
  struct {
    unsigned version = 0x20080522;
    int pid = 0;
  } header;
  unsigned const all[6] = {~0u, ~0u, 0, 0x1ff, 0x1ff, 0};
  return answer_of(call(SYS_capset, address_of(&header), address_of(all)));
}

using W = const Words&;
using R = const Row&;

constexpr Attempt attempts[] = {
    {"read", read_it},
    {"list", [](W w, R) { return open_with(w, O_RDONLY | O_DIRECTORY); }},
    {"write", [](W w, R) { return open_with(w, O_WRONLY | O_APPEND); }},
    {"truncate", [](W w, R) { return open_with(w, O_WRONLY | O_TRUNC); }},
    {"create", make_then_remove},
    {"mkdir", [](W w, R) { return answer_of(mkdir(path_of(w), 0700)); }},
    {"symlink", [](W w, R) { return answer_of(symlink("/", path_of(w))); }},
    {"device", [](W w, R) { return answer_of(mknod(path_of(w), S_IFCHR | 0600, 0x103)); }},
    {"unlink", [](W w, R) { return answer_of(unlink(path_of(w))); }},
    {"rename", [](W w, R) { return answer_of(rename(path_of(w), second_path_of(w))); }},
    {"link", [](W w, R) { return answer_of(link(path_of(w), second_path_of(w))); }},
    {"chmod", [](W w, R) { return answer_of(chmod(path_of(w), 04777)); }},
    {"connect", [](W w, R) { return connect_unix(w.at(2), false); }},
    {"connect-abstract", [](W w, R) { return connect_unix(w.at(2), true); }},
    {"connect-tcp", [](W w, R) { return connect_internet(w, SOCK_STREAM); }},
    {"connect-udp", [](W w, R) { return connect_internet(w, SOCK_DGRAM); }},
    {"listen-tcp", bind_internet},
    {"turn-stranger", turn_stranger},
    {"turn-stranger-fast", turn_stranger_fast},
    {"socket",
     [](W w, R) {
       return answer_of(socket(number_of(w), (number_of(w) == AF_INET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
                               number_of(w) == AF_INET ? IPPROTO_ICMP : 0));
     }},
    {"exec", run_program},
    {"bomb-vfork", [](W, R row) { return fork_bomb(SYS_vfork, row); }},
    {"bomb-clone", [](W, R row) { return fork_bomb(SYS_clone, row); }},
    {"memory-private", [](W, R) { return take_memory(MAP_PRIVATE); }},
    {"memory-shared", [](W, R) { return take_memory(MAP_SHARED); }},
    {"memory-code", run_bytes},
    {"descriptors", many_descriptors},
    {"raise-limit", raise_limit},
    {"kill", [](W w, R) { return answer_of(kill(number_of(w), SIGURG)); }},
    {"tgkill", [](W w, R) { return answer_of(call(SYS_tgkill, number_of(w), number_of(w), SIGURG)); }},
    {"sigqueue",
     [](W w, R) { return answer_of(call(SYS_pidfd_send_signal, call(SYS_pidfd_open, number_of(w), 0), SIGURG, 0, 0)); }},
    {"signal-owner", signal_by_descriptor},
    {"ptrace", [](W w, R) { return answer_of(call(SYS_ptrace, PTRACE_SEIZE, number_of(w), 0, 0)); }},
    {"vm-read", read_memory},
    {"setuid", [](W w, R) { return answer_of(call(SYS_setresuid, number_of(w), number_of(w), number_of(w))); }},
    {"capabilities", all_capabilities},
    {"mount", [](W, R) { return answer_of(call(SYS_mount, address_of("none"), address_of("/tmp"), address_of("tmpfs"), 0, 0)); }},
    {"chroot", [](W, R) { return answer_of(chroot("/tmp")); }},
    {"unshare", [](W, R) { return answer_of(unshare(CLONE_NEWUSER)); }},
    {"clone-user",
     [](W, R) {
       long const pid = call(SYS_clone, CLONE_NEWUSER | SIGCHLD);
       if (pid == 0) _exit(0);
       return answer_of(pid);
     }},
    {"setns", [](W, R) { return answer_of(setns(2, CLONE_NEWNET)); }},
    {"keyctl", [](W, R) { return answer_of(call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1)); }},
    {"add_key",
     [](W, R) {
       return answer_of(call(SYS_add_key, address_of("user"), address_of("x"), address_of("x"), 1, KEY_SPEC_PROCESS_KEYRING));
     }},
    {"bpf", [](W, R) { return answer_of(call(SYS_bpf, 0, 0, 0)); }},
    {"userfaultfd", [](W, R) { return answer_of(call(SYS_userfaultfd, O_CLOEXEC)); }},
    {"perf_event_open", [](W, R) { return answer_of(call(SYS_perf_event_open, 0, 0, -1, -1, 0)); }},
    {"io_uring", [](W, R) { return answer_of(call(SYS_io_uring_setup, 1, 0)); }},
    {"module", [](W, R) { return answer_of(call(SYS_finit_module, 0, address_of(""), 0)); }},
    {"open-by-handle", [](W, R) { return answer_of(call(SYS_open_by_handle_at, AT_FDCWD, 0, 0)); }},
    {"inotify", [](W, R) { return answer_of(call(SYS_inotify_init1, 0)); }},
    {"shmget", [](W, R) { return answer_of(call(SYS_shmget, 0, 1l << 20, 01600)); }},
    {"mq_open", [](W, R) { return answer_of(call(SYS_mq_open, address_of("breach"), O_RDWR | O_CREAT, 0600, 0)); }},
    {"memfd", [](W, R) { return answer_of(call(SYS_memfd_create, address_of("x"), 0)); }},
    {"terminal", [](W, R) { return answer_of(ioctl(0, TIOCSTI, "x")); }},
    {"x32", [](W, R) { return answer_of(call(0x40000000 + SYS_getpid)); }},
};

}  // namespace

const Attempt* find_attempt(const std::string& name) {
  for (const Attempt& one : attempts)
    if (name == one.name) return &one;
  return nullptr;
}

}  // namespace postern
