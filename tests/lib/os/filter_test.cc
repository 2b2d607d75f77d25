// Every row's filter, run by an interpreter of seccomp's BPF for every call number, says what the row's promises say.
#include "lib/os/filter.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/os/manifest.h"

using namespace postern;

namespace {

constexpr std::uint32_t kill_process = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t runs_off = 0xdeadbeef;  // no answer of ours

std::uint32_t run(const Filter& filter, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < filter.length; ++at) {
    const sock_filter& step = filter.code[at];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, sizeof accumulator);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (accumulator & step.k) != 0 ? step.jt : step.jf;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        return runs_off;
    }
  }
  return runs_off;
}

std::uint32_t ask(const Filter& filter, long number, std::uint64_t first = 0, std::uint64_t third = 0,
                  std::uint32_t architecture = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  data.args[0] = first;
  data.args[2] = third;
  return run(filter, data);
}

std::uint32_t ask_ioctl(const Filter& filter, std::uint64_t request) {
  seccomp_data data{};
  data.nr = SYS_ioctl;
  data.arch = AUDIT_ARCH_X86_64;
  data.args[1] = request;
  return run(filter, data);
}

std::uint32_t ask_command(const Filter& filter, std::uint64_t command) {
  seccomp_data data{};
  data.nr = SYS_fcntl;
  data.arch = AUDIT_ARCH_X86_64;
  data.args[1] = command;
  return run(filter, data);
}

std::uint32_t ask_fourth(const Filter& filter, int number, std::uint64_t fourth) {
  seccomp_data data{};
  data.nr = number;
  data.arch = AUDIT_ARCH_X86_64;
  data.args[3] = fourth;
  return run(filter, data);
}

std::uint32_t ask_socket(const Filter& filter, std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  seccomp_data data{};
  data.nr = SYS_socket;
  data.arch = AUDIT_ARCH_X86_64;
  data.args[0] = family;
  data.args[1] = type;
  data.args[2] = protocol;
  return run(filter, data);
}

struct Built {
  const Row* row;
  unsigned promises;
  SyscallSet allowed;
  Filter filter;
};

template <std::size_t I>
constexpr Built build() {
  constexpr unsigned promises = manifest[I].promises | manifest[I].kept_for_children;
  constexpr SyscallSet allowed = syscalls_of(promises);
  constexpr Filter filter = make_filter(promises);
  return {&manifest[I], promises, allowed, filter};
}

template <std::size_t... I>
std::vector<Built> build_all(std::index_sequence<I...>) {
  return {build<I>()...};
}

const std::vector<Built>& rows() {
  static std::vector<Built> const all = build_all(std::make_index_sequence<std::size(manifest)>{});
  return all;
}

bool has(const Built& row, unsigned promise) { return (row.promises & (promise | loads)) != 0; }

}  // namespace

TEST_CASE("a filter allows the calls of the row's promises and no other") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    for (long number = 0; number <= 600; ++number) {
      INFO(number);
      bool const is_allowed = number < static_cast<long>(syscall_room) && row.allowed[static_cast<std::size_t>(number)];
      std::uint32_t expected = is_allowed ? std::uint32_t{SECCOMP_RET_ALLOW} : kill_process;
      if (is_allowed && number == SYS_clone3) expected = no_such_call;
      if (number == SYS_socket) {
        std::uint64_t const family = has(row, local_sockets) ? AF_UNIX : AF_INET;
        CHECK(ask_socket(row.filter, family, has(row, local_sockets | connects | listens) ? SOCK_STREAM : SOCK_DGRAM, 0) ==
              expected);
        continue;
      }
      if (number == SYS_ioctl) {
        CHECK(ask_ioctl(row.filter, TCGETS) == expected);
        continue;
      }
      CHECK(ask(row.filter, number) == expected);
    }
  }
}

TEST_CASE("number -1 goes to the kernel; other numbers that are none, the x32 ABI and other architectures are death") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK(ask(row.filter, -1) == SECCOMP_RET_ALLOW);
    for (long const number : {-2l, -4096l, 0x7fffffffl, -0x80000000l, 0x40000000l, 0x40000000l + SYS_read, 0x40000000l + 520})
      CHECK(ask(row.filter, number) == kill_process);
    for (std::uint32_t const architecture : {std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{AUDIT_ARCH_AARCH64}, 0u})
      for (long const number : {-1l, 0l, 1l, 3l, 102l}) CHECK(ask(row.filter, number, 0, 0, architecture) == kill_process);
  }
}

TEST_CASE("sockets are of the families that were promised") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK((ask(row.filter, SYS_socket, AF_UNIX) == SECCOMP_RET_ALLOW) == has(row, local_sockets));
    for (std::uint64_t const family : {AF_INET, AF_INET6}) {
      auto const may = [&](std::uint64_t type, std::uint64_t protocol) {
        return ask_socket(row.filter, family, type, protocol) == SECCOMP_RET_ALLOW;
      };
      CHECK(may(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) == has(row, listens | connects));
      CHECK(may(SOCK_STREAM, IPPROTO_TCP) == has(row, listens | connects));
      CHECK(may(SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP) == has(row, listens | datagrams));
      CHECK(may(SOCK_STREAM, IPPROTO_MPTCP) == has(row, listens));
      CHECK(may(SOCK_RAW, IPPROTO_UDP) == has(row, listens));
      CHECK(may(SOCK_SEQPACKET, IPPROTO_SCTP) == has(row, listens));
    }
    CHECK((ask_socket(row.filter, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) == SECCOMP_RET_ALLOW) == has(row, interfaces));
    CHECK(ask_socket(row.filter, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) == kill_process);
    for (std::uint64_t const family : {AF_UNSPEC, AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, 255})
      CHECK(ask(row.filter, SYS_socket, family) == kill_process);
  }
}

TEST_CASE("no descriptor has the kernel send signals to another process") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    for (int const command : {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW, F_DUPFD_CLOEXEC})
      CHECK(ask_command(row.filter, static_cast<std::uint64_t>(command)) == SECCOMP_RET_ALLOW);
    for (int const command : {F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, -1})
      CHECK((ask_command(row.filter, static_cast<std::uint64_t>(command)) == SECCOMP_RET_ALLOW) == has(row, 0));
  }
}

TEST_CASE("sending does not connect") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK(ask(row.filter, SYS_sendmsg, 0, MSG_NOSIGNAL) == SECCOMP_RET_ALLOW);
    CHECK((ask(row.filter, SYS_sendmsg, 0, MSG_NOSIGNAL | MSG_FASTOPEN) == SECCOMP_RET_ALLOW) == has(row, 0));
    CHECK(ask_fourth(row.filter, SYS_sendto, MSG_NOSIGNAL) == SECCOMP_RET_ALLOW);
    CHECK((ask_fourth(row.filter, SYS_sendto, MSG_NOSIGNAL | MSG_FASTOPEN) == SECCOMP_RET_ALLOW) == has(row, 0));
  }
}

TEST_CASE("memory without a file is shared only with the children of a fork") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK(ask_fourth(row.filter, SYS_mmap, MAP_PRIVATE | MAP_ANONYMOUS) == SECCOMP_RET_ALLOW);
    CHECK(ask_fourth(row.filter, SYS_mmap, MAP_SHARED) == SECCOMP_RET_ALLOW);
    for (std::uint64_t const flags :
         {MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE})
      CHECK((ask_fourth(row.filter, SYS_mmap, flags) == SECCOMP_RET_ALLOW) == has(row, forks));
  }
}

TEST_CASE("memory becomes executable only in programs that start others") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    for (long const call : {SYS_mmap, SYS_mprotect}) {
      CHECK(ask(row.filter, call, 0, PROT_READ | PROT_WRITE) == SECCOMP_RET_ALLOW);
      CHECK((ask(row.filter, call, 0, PROT_READ | PROT_EXEC) == SECCOMP_RET_ALLOW) == has(row, starts));
    }
  }
}

TEST_CASE("a terminal can be told to hide what is typed, and nothing can be typed into it") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    if (row.promises & loads) continue;
    for (std::uint64_t const request : {TCGETS, TCSETSF})
      CHECK((ask_ioctl(row.filter, request) == SECCOMP_RET_ALLOW) == has(row, terminal));
    for (std::uint64_t const request : {TIOCSTI, TIOCSCTTY, TIOCCONS, FIONREAD, TIOCSPGRP, 0})
      CHECK(ask_ioctl(row.filter, request) == kill_process);
  }
}

TEST_CASE("nobody makes a namespace") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK((ask(row.filter, SYS_clone, 0x01200011) == SECCOMP_RET_ALLOW) == has(row, forks));  // what fork() asks for
    for (std::uint64_t const flag : {0x00020000u, 0x02000000u, 0x04000000u, 0x08000000u, 0x10000000u, 0x20000000u, 0x40000000u})
      CHECK(ask(row.filter, SYS_clone, flag | 17) == kill_process);
    CHECK(ask(row.filter, SYS_unshare, 0x10000000u) == kill_process);
    CHECK(ask(row.filter, SYS_setns) == kill_process);
  }
}

TEST_CASE("what no program of a mail server needs is in no row") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    for (long const call : {SYS_ptrace,
                            SYS_process_vm_readv,
                            SYS_process_vm_writev,
                            SYS_bpf,
                            SYS_perf_event_open,
                            SYS_userfaultfd,
                            SYS_io_uring_setup,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_mount,
                            SYS_umount2,
                            SYS_pivot_root,
                            SYS_chroot,
                            SYS_reboot,
                            SYS_kexec_load,
                            SYS_init_module,
                            SYS_finit_module,
                            SYS_delete_module,
                            SYS_open_by_handle_at,
                            SYS_personality,
                            SYS_pidfd_getfd,
                            SYS_iopl,
                            SYS_ioperm,
                            SYS_modify_ldt,
                            SYS_swapon,
                            SYS_setdomainname,
                            SYS_pkey_mprotect,
                            SYS_execveat,
                            SYS_memfd_secret})
      CHECK(ask(row.filter, call) == kill_process);
  }
}

TEST_CASE("a filter is short, and no call takes more than a few steps") {
  for (const Built& row : rows()) {
    INFO(row.row->name);
    CHECK(row.filter.length < 320);
  }
}
