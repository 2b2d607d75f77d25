// filter - a seccomp-BPF program, made by the compiler from a row's promises
//
// The architecture is tested first; then a balanced tree over ranges of call numbers, so that no call costs more than
// eight comparisons and installing it stays cheap (the kernel runs the filter once for each number). Number -1 is
// allowed: the kernel answers ENOSYS, and a tracer that skips a call sets it.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
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

class FilterMaker {
 public:
  consteval explicit FilterMaker(unsigned promises) : promises_(promises & loads ? ~0u : promises), allowed_(syscalls_of(promises)) {
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    jump_if(BPF_JEQ, filter_architecture, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    jump_if(BPF_JEQ, 0xffffffffu, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    jump_if(BPF_JGE, syscall_room, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    std::size_t start = 0;
    for (std::size_t number = 1; number <= syscall_room; ++number) {
      if (number < syscall_room && verdict(number) == verdict(start) && verdict(number) <= 1) continue;
      starts_[ranges_++] = start;
      start = number;
    }
    tree(0, ranges_);
  }
  consteval Filter made() const { return filter_; }

 private:
  consteval int verdict(std::size_t number) const {
    if (!allowed_[number]) return 0;
    if (number == SYS_socket) return 2;
    if (number == SYS_mmap || number == SYS_mprotect) return 3;
    return 1;
  }
  consteval void add(unsigned code, std::size_t k) {
    filter_.code[filter_.length++] = sock_filter{static_cast<std::uint16_t>(code), 0, 0, static_cast<std::uint32_t>(k)};
  }
  consteval void jump_if(unsigned test, std::size_t k, unsigned if_true, unsigned if_false) {
    filter_.code[filter_.length++] = sock_filter{static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(if_true),
                                                 static_cast<std::uint8_t>(if_false), static_cast<std::uint32_t>(k)};
  }
  consteval void tree(std::size_t first, std::size_t last) {
    if (last - first == 1) return leaf(verdict(starts_[first]));
    std::size_t const middle = first + (last - first) / 2;
    unsigned short const here = filter_.length;
    jump_if(BPF_JGE, starts_[middle], 0, 0);
    tree(first, middle);
    filter_.code[here].jt = static_cast<std::uint8_t>(filter_.length - here - 1);
    tree(middle, last);
  }
  consteval void leaf(int verdict) {
    if (verdict == 2) {  // the family is the low half of the first argument
      add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args));
      if (promises_ & local_sockets) {
        jump_if(BPF_JEQ, AF_UNIX, 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
      }
      if (promises_ & listens) {
        jump_if(BPF_JEQ, AF_INET, 1, 0);
        jump_if(BPF_JEQ, AF_INET6, 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
      }
      add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    } else if (verdict == 3) {  // protection is the third argument of both
#ifdef POSTERN_SANITIZE
      add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
#else
      // A program that starts others leaves dynamic loaders their mapping of code.
      if (promises_ & starts) return add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
      add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t));
      jump_if(BPF_JSET, PROT_EXEC, 0, 1);
      add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
      add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
#endif
    } else {
      add(BPF_RET | BPF_K, verdict == 1 ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
    }
  }

  unsigned promises_;
  SyscallSet allowed_;
  std::array<std::size_t, syscall_room> starts_{};
  std::size_t ranges_ = 0;
  Filter filter_{};
};

consteval Filter make_filter(unsigned promises) { return FilterMaker{promises}.made(); }

}  // namespace postern
