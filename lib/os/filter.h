// filter - a seccomp-BPF program, made by the compiler from a row's promises
//
// The architecture is tested first; then a balanced tree over ranges of call numbers, so that no call costs more than
// nine comparisons and installing it stays cheap (the kernel runs the filter once for each number). Number -1 is
// allowed: the kernel answers ENOSYS, and a tracer that skips a call sets it.
#pragma once

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "lib/os/promises.h"

namespace postern {

#if defined(__x86_64__)
inline constexpr std::uint32_t filter_architecture = AUDIT_ARCH_X86_64;
#else
#error "promises.h lists the system calls of x86-64 only"
#endif

struct Filter {
  std::array<sock_filter, 400> code{};
  unsigned short length = 0;
};

// What becomes of a call; the later ones look at an argument.
enum class Verdict : unsigned char {
  kill,
  allow,
  not_implemented,     // ENOSYS: clone3(), whose flags lie in memory that a filter cannot read; libc falls back to clone()
  by_family,           // socket()
  by_protection,       // mprotect(): nothing executable
  by_mapping,          // mmap(): nothing executable, and no memory that RLIMIT_DATA does not count
  by_sharing,          // mmap() of a program that starts others: the second of these only
  by_command,          // fcntl(): nothing that has the kernel send signals (F_SETOWN, F_SETSIG)
  by_namespaces,       // clone(): no new ones
  by_flags_of_sendto,  // neither may connect: MSG_FASTOPEN does, and Landlock does not see it
  by_flags_of_sendmsg,
  by_request,  // ioctl(): a terminal's settings, never its input (TIOCSTI)
};

inline constexpr std::uint32_t socket_type_bits = 0xf;        // of socket()'s second argument; the others are SOCK_CLOEXEC ...
inline constexpr std::uint32_t namespace_flags = 0x7e020000;  // every CLONE_NEW... that clone() knows

consteval Verdict verdict_of(std::size_t number, const SyscallSet& allowed, [[maybe_unused]] unsigned promises) {
  if (!allowed[number]) return Verdict::kill;
  switch (number) {
    case SYS_clone3:
      return Verdict::not_implemented;
    case SYS_socket:
      return Verdict::by_family;
    case SYS_clone:
      return Verdict::by_namespaces;
    case SYS_sendto:
      return promises & loads ? Verdict::allow : Verdict::by_flags_of_sendto;
    case SYS_sendmsg:
      return promises & loads ? Verdict::allow : Verdict::by_flags_of_sendmsg;
#ifndef POSTERN_SANITIZE
    case SYS_ioctl:
      return promises & loads ? Verdict::allow : Verdict::by_request;
    case SYS_fcntl:
      return promises & loads ? Verdict::allow : Verdict::by_command;
    case SYS_mmap:
      // A program that starts others leaves dynamic loaders their mapping of code; one that forks shares memory with its
      // children, and confine() limits its address space.
      if (promises & loads) return Verdict::allow;
      if (promises & forks) return Verdict::by_protection;
      return promises & starts ? Verdict::by_sharing : Verdict::by_mapping;
    case SYS_mprotect:
      return promises & (starts | loads) ? Verdict::allow : Verdict::by_protection;
#endif
    default:
      return Verdict::allow;
  }
}

// Never defined: a call to it in a constant expression is the compiler's message.
void filter_has_a_jump_that_is_too_long();

class FilterMaker {
 public:
  consteval explicit FilterMaker(unsigned promises) : promises_(promises & loads ? ~0u : promises) {
    SyscallSet const allowed = syscalls_of(promises);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    jump_if(BPF_JEQ, filter_architecture, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    jump_if(BPF_JEQ, 0xffffffffu, 0, 1);
    answer(SECCOMP_RET_ALLOW);
    jump_if(BPF_JGE, syscall_room, 0, 1);  // those of the x32 ABI too
    answer(SECCOMP_RET_KILL_PROCESS);
    for (std::size_t number = 0; number < syscall_room; ++number) {
      Verdict const verdict = verdict_of(number, allowed, promises);
      if (count_ == 0 || ranges_[count_ - 1].verdict != verdict) ranges_[count_++] = {number, verdict};
    }
    tree(0, count_);
  }
  consteval Filter made() const { return filter_; }

 private:
  struct Range {
    std::size_t start = 0;  // up to the start of the next
    Verdict verdict = Verdict::kill;
  };

  consteval void add(unsigned code, std::size_t k) {
    filter_.code[filter_.length++] = sock_filter{static_cast<std::uint16_t>(code), 0, 0, static_cast<std::uint32_t>(k)};
  }
  consteval void jump_if(unsigned test, std::size_t k, unsigned if_true, unsigned if_false) {
    filter_.code[filter_.length++] =
        sock_filter{static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(if_true),
                    static_cast<std::uint8_t>(if_false), static_cast<std::uint32_t>(k)};
  }
  consteval void answer(std::size_t action) { add(BPF_RET | BPF_K, action); }
  consteval void load_argument(std::size_t index) {  // its low half
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
  }

  consteval void tree(std::size_t first, std::size_t last) {
    if (last - first == 1) return leaf(ranges_[first].verdict);
    std::size_t const middle = first + (last - first) / 2;
    unsigned short const here = filter_.length;
    jump_if(BPF_JGE, ranges_[middle].start, 0, 0);
    tree(first, middle);
    int const distance = filter_.length - here - 1;
    if (distance > 255) filter_has_a_jump_that_is_too_long();
    filter_.code[here].jt = static_cast<std::uint8_t>(distance);
    tree(middle, last);
  }

  consteval void leaf(Verdict verdict) {
    switch (verdict) {
      case Verdict::kill:
        return answer(SECCOMP_RET_KILL_PROCESS);
      case Verdict::allow:
        return answer(SECCOMP_RET_ALLOW);
      case Verdict::not_implemented:
        return answer(SECCOMP_RET_ERRNO | ENOSYS);
      case Verdict::by_family:
        return family_leaf();
      case Verdict::by_protection:
        return refuse_bits(2, PROT_EXEC);
      case Verdict::by_mapping:
        refuse_shared_memory();
        return refuse_bits(2, PROT_EXEC);
      case Verdict::by_sharing:
        refuse_shared_memory();
        return answer(SECCOMP_RET_ALLOW);
      case Verdict::by_command:
        return command_leaf();
      case Verdict::by_namespaces:
        return refuse_bits(0, namespace_flags);
      case Verdict::by_flags_of_sendto:
        return refuse_bits(3, MSG_FASTOPEN);
      case Verdict::by_flags_of_sendmsg:
        // libunbound tries it, and then connects as usual: EOPNOTSUPP is what a kernel without it answers.
        return refuse_bits(2, MSG_FASTOPEN, promises_ & connects ? SECCOMP_RET_ERRNO | EOPNOTSUPP : SECCOMP_RET_KILL_PROCESS);
      case Verdict::by_request:
        return request_leaf();
    }
  }

  consteval void request_leaf() {
    load_argument(1);
    jump_if(BPF_JEQ, TCGETS, 1, 0);
    jump_if(BPF_JEQ, TCSETSF, 0, 1);
    answer(SECCOMP_RET_ALLOW);
    answer(SECCOMP_RET_KILL_PROCESS);
  }

  consteval void family_leaf() {
    load_argument(0);
    if (promises_ & interfaces) {
      jump_if(BPF_JEQ, AF_NETLINK, 0, 4);
      load_argument(2);
      jump_if(BPF_JEQ, NETLINK_ROUTE, 0, 1);
      answer(SECCOMP_RET_ALLOW);
      answer(SECCOMP_RET_KILL_PROCESS);
    }
    if (promises_ & local_sockets) {
      jump_if(BPF_JEQ, AF_UNIX, 0, 1);
      answer(SECCOMP_RET_ALLOW);
    }
    if (promises_ & listens) {
      jump_if(BPF_JEQ, AF_INET, 1, 0);
      jump_if(BPF_JEQ, AF_INET6, 0, 1);
      answer(SECCOMP_RET_ALLOW);
    } else if (promises_ & (connects | datagrams)) {
      internet_leaf();
    }
    answer(SECCOMP_RET_KILL_PROCESS);
  }

  // Of the internet's sockets, TCP or UDP; no other protocol (Landlock does not see MPTCP connect).
  consteval void internet_leaf() {
    jump_if(BPF_JEQ, AF_INET, 2, 0);
    jump_if(BPF_JEQ, AF_INET6, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    load_argument(2);
    jump_if(BPF_JEQ, 0, 3, 0);
    jump_if(BPF_JEQ, IPPROTO_TCP, 2, 0);
    jump_if(BPF_JEQ, IPPROTO_UDP, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    load_argument(1);
    add(BPF_ALU | BPF_AND | BPF_K, socket_type_bits);
    if (promises_ & connects) {
      jump_if(BPF_JEQ, SOCK_STREAM, 0, 1);
      answer(SECCOMP_RET_ALLOW);
    }
    if (promises_ & datagrams) {
      jump_if(BPF_JEQ, SOCK_DGRAM, 0, 1);
      answer(SECCOMP_RET_ALLOW);
    }
  }

  // Files may be shared, which is how databases are read; memory without a file may not.
  consteval void refuse_shared_memory() {
    load_argument(3);
    jump_if(BPF_JSET, MAP_ANONYMOUS, 0, 2);
    jump_if(BPF_JSET, MAP_SHARED, 0, 1);
    answer(SECCOMP_RET_KILL_PROCESS);
  }

  // Up to F_SETLKW; above are owners, signals, leases and pipes' sizes.
  consteval void command_leaf() {
    load_argument(1);
    jump_if(BPF_JGE, F_SETOWN, 0, 2);
    jump_if(BPF_JEQ, F_DUPFD_CLOEXEC, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    answer(SECCOMP_RET_ALLOW);
  }

  consteval void refuse_bits(std::size_t argument, std::size_t bits, std::size_t refusal = SECCOMP_RET_KILL_PROCESS) {
    load_argument(argument);
    jump_if(BPF_JSET, bits, 0, 1);
    answer(refusal);
    answer(SECCOMP_RET_ALLOW);
  }

  unsigned promises_;
  std::array<Range, syscall_room> ranges_{};
  std::size_t count_ = 0;
  Filter filter_{};
};

consteval Filter make_filter(unsigned promises) { return FilterMaker{promises}.made(); }

}  // namespace postern
