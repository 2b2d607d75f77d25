// promises - words for what a program may ask of the kernel, and the system calls behind each
//
// A word is a bit. What no word of a program's row covers kills it with SIGSYS. Some calls are looked at more closely
// (filter.h): socket() by address family and type, mmap() and mprotect() so that no memory is ever made executable, clone() so
// that nobody makes namespaces, ioctl() by request. No word covers tgkill(): abort() then ends with SIGSYS, and a program that
// was taken over cannot kill the others of its user.
#pragma once

#include <sys/syscall.h>

#include <array>
#include <cstddef>

namespace postern {

enum Promise : unsigned {
  stdio = 1u << 0,          // read, write, wait, tell the time, get memory, end; every program
  read_files = 1u << 1,     // open and stat below the row's directories
  write_files = 1u << 2,    // create, link, rename, unlink, sync there
  local_sockets = 1u << 3,  // connect to Unix sockets, pass descriptors, ask who the peer is
  accepts = 1u << 4,        // accept connections of a listening socket it was given
  forks = 1u << 5,          // processes of its own kind, and wait for them
  starts = 1u << 6,         // exec; the row's children say what
  becomes = 1u << 7,        // change uid, gid and groups (rows of root only)
  listens = 1u << 8,        // make and bind internet sockets
  restricts = 1u << 9,  // what main() and confine() do; always in while a process is not confined, kept by those who start others
  chowns = 1u << 10,    // change owner and mode of files
  loads = 1u << 11,     // becomes any other program, with no file rule and no limit: what ordinary programs need of the kernel
  terminal = 1u << 12,  // ask whether a descriptor is a terminal, and hide what is typed there
  connects = 1u << 13,  // TCP connections to other hosts; Landlock holds them to the row's ports
  datagrams = 1u << 14,    // UDP to other hosts
  interfaces = 1u << 15,   // ask the kernel for this host's addresses
  named_files = 1u << 16,  // open files below the row's directories by their names, and neither list nor look at anything
};

constexpr std::size_t syscall_room = 512;  // numbers from here on are refused

using SyscallSet = std::array<bool, syscall_room>;

consteval SyscallSet syscalls_of(unsigned promises) {
  if (promises & loads) promises = ~0u;
  SyscallSet set{};
  auto const allow = [&set](auto... numbers) { ((set[static_cast<std::size_t>(numbers)] = true), ...); };
#ifdef POSTERN_SANITIZE  // what ASan and UBSan do besides
  allow(SYS_sigaltstack, SYS_sched_yield, SYS_sched_getaffinity, SYS_readlink, SYS_readlinkat, SYS_openat, SYS_open, SYS_access,
        SYS_futex, SYS_tgkill, SYS_getrlimit, SYS_prlimit64, SYS_sysinfo, SYS_uname, SYS_getuid, SYS_geteuid, SYS_getppid,
        SYS_prctl, SYS_clone, SYS_wait4, SYS_ptrace, SYS_process_vm_readv, SYS_getdents64, SYS_stat, SYS_lstat, SYS_ioctl,
        SYS_arch_prctl, SYS_dup, SYS_pipe, SYS_pipe2);
#endif
  allow(SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_close, SYS_lseek,
        SYS_fstat, SYS_poll, SYS_ppoll, SYS_fcntl, SYS_dup2, SYS_dup3, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise,
        SYS_mprotect, SYS_clock_gettime, SYS_clock_nanosleep, SYS_gettimeofday, SYS_time, SYS_getrandom, SYS_getpid, SYS_gettid,
        SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group, SYS_getrusage,
        SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown, SYS_getuid, SYS_getgid, SYS_umask, SYS_futex);
  if (promises & read_files)
    allow(SYS_open, SYS_openat, SYS_newfstatat, SYS_statx, SYS_stat, SYS_lstat, SYS_getdents64, SYS_fstatfs, SYS_statfs,
          SYS_access, SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat, SYS_chdir, SYS_fchdir, SYS_flock);
  if (promises & named_files) allow(SYS_openat);
  if (promises & write_files)
    allow(SYS_mkdir, SYS_mkdirat, SYS_link, SYS_linkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_unlink, SYS_unlinkat,
          SYS_rmdir, SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_utimensat, SYS_sync_file_range, SYS_sendfile,
          SYS_copy_file_range);
  if (promises & local_sockets)
    allow(SYS_socket, SYS_socketpair, SYS_connect, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername);
  if (promises & accepts)
    allow(SYS_accept, SYS_accept4, SYS_socketpair, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername,
          SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_signalfd4);
  if (promises & forks)
    allow(SYS_fork, SYS_clone, SYS_wait4, SYS_waitid, SYS_signalfd4, SYS_pipe2, SYS_getppid, SYS_set_robust_list,
          SYS_set_tid_address, SYS_rseq);
  if (promises & starts)
    allow(SYS_vfork, SYS_clone3, SYS_execve, SYS_wait4, SYS_waitid, SYS_signalfd4, SYS_pipe2, SYS_arch_prctl, SYS_set_tid_address,
          SYS_set_robust_list, SYS_rseq, SYS_prlimit64, SYS_readlink, SYS_readlinkat, SYS_prctl, SYS_getppid, SYS_setsid);
  if (promises & becomes)
    allow(SYS_setuid, SYS_setgid, SYS_setgroups, SYS_setresuid, SYS_setresgid, SYS_chdir, SYS_capset, SYS_prctl);
  if (promises & listens) allow(SYS_socket, SYS_bind, SYS_listen, SYS_setsockopt, SYS_getsockopt, SYS_getsockname);
  if (promises & (connects | datagrams))
    allow(SYS_socket, SYS_bind, SYS_connect, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername);
  if (promises & interfaces) allow(SYS_socket, SYS_bind, SYS_getsockname);
  if (promises & restricts)
    allow(SYS_prctl, SYS_close_range, SYS_seccomp, SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self,
          SYS_prlimit64, SYS_setrlimit, SYS_openat);
  if (promises & chowns) allow(SYS_chown, SYS_fchown, SYS_fchownat, SYS_lchown, SYS_chmod, SYS_fchmod, SYS_fchmodat);
  if (promises & loads)
    allow(SYS_dup, SYS_pipe, SYS_select, SYS_pselect6, SYS_kill, SYS_ioctl, SYS_getcwd, SYS_geteuid, SYS_getegid, SYS_getresuid,
          SYS_getresgid, SYS_getgroups, SYS_getpgrp, SYS_getpgid, SYS_setpgid, SYS_getsid, SYS_uname, SYS_sysinfo, SYS_getrlimit,
          SYS_alarm, SYS_setitimer, SYS_sigaltstack, SYS_sched_yield, SYS_sched_getaffinity, SYS_close_range, SYS_tgkill,
          SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_mknodat, SYS_mknod, SYS_symlinkat, SYS_symlink, SYS_truncate, SYS_capget,
          SYS_times, SYS_fadvise64, SYS_sendmmsg, SYS_clock_getres, SYS_nanosleep, SYS_msync);
  if (promises & terminal) allow(SYS_ioctl);
  return set;
}

}  // namespace postern
