"""errors - which system calls are points, and what each may fail with, in every proof"""
import os

DISK = ("EIO", "ENOSPC", "EDQUOT")
ERRORS = {  # EINTR comes once, since it is asked again
    "openat": ("EIO", "EMFILE", "ENOSPC", "EINTR"), "close": ("EIO", "EINTR"),
    "read": ("EIO", "EINTR"), "pread64": ("EIO", "EINTR"), "getdents64": ("EIO",), "newfstatat": ("EIO",), "fstat": ("EIO",),
    "fstatfs": ("EIO",), "recvmsg": ("EIO", "EINTR", "ENOMEM"), "recvfrom": ("EIO", "EINTR"),
    "write": DISK + ("EINTR", "short"), "writev": DISK + ("EINTR", "short"), "pwrite64": DISK + ("EINTR", "short"),
    "sendmsg": ("EIO", "ENOBUFS", "EINTR", "short"), "sendto": ("EIO", "ENOBUFS", "EINTR", "short"),
    "linkat": DISK, "unlinkat": ("EIO",), "renameat2": DISK, "renameat": DISK, "mkdirat": DISK, "ftruncate": ("EIO", "EINTR"),
    "lseek": ("EIO",), "fsync": DISK + ("EINTR",), "fdatasync": DISK, "socket": ("EMFILE",), "socketpair": ("EMFILE",), "pipe2": ("EMFILE",),
    "epoll_create1": ("EMFILE",), "signalfd4": ("EMFILE",), "accept4": ("EMFILE", "EINTR"), "connect": ("EINTR", "EAGAIN"),
    "getsockopt": ("ENOBUFS",), "getsockname": ("ENOBUFS",), "bind": ("ENOMEM",), "setsockopt": ("ENOBUFS",), "flock": ("ENOLCK",), "access": ("EIO",), "getrandom": ("EINTR",),
    "poll": ("EINTR", "ENOMEM"), "epoll_wait": ("EINTR",), "wait4": ("EINTR",), "vfork": ("EAGAIN",), "clone": ("EAGAIN",),
    "mmap": ("ENOMEM",), "dup2": ("EBUSY", "EINTR"), "setgroups": ("ENOMEM",), "setresgid": ("EAGAIN",), "setresuid": ("EAGAIN",),
    "chdir": ("EIO",), "execve": ("EIO", "ENOMEM", "EAGAIN", "EMFILE"),
    "prctl": ("ENOMEM",), "prlimit64": ("EPERM",), "close_range": ("ENOMEM",), "landlock_create_ruleset": ("ENOMEM",),
    "landlock_add_rule": ("ENOMEM",), "landlock_restrict_self": ("ENOMEM",),
}
ROUNDS_OF_A_LOOP = 2
ONCE = {"EINTR", "short"}
CONFINES = {"prctl", "prlimit64", "close_range", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}


def words_of(action):
    """The error of an action errno:CALL:NUMBER, as a log line spells it, and as it is."""
    number = int(action.split(":")[2])
    return os.strerror(number).replace(" ", "\\x20"), os.strerror(number)


def points_of(calls):
    """The calls by number; of a loop that repeats itself the first rounds only."""
    seen, chosen = {}, []
    for at, call in enumerate(calls):
        phrase = tuple(earlier.name for earlier in calls[max(0, at - 3) : at + 1])
        seen[phrase] = seen.get(phrase, 0) + 1
        if seen[phrase] <= ROUNDS_OF_A_LOOP:
            chosen.append(call)
    return chosen
