"""own_etc - an /etc of the test's own, with users that only it and its children see"""
import atexit
import ctypes
import os
import shutil
import socket
import subprocess
import tempfile

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def own_etc():
    """From here on /etc is a copy that only this process and its children see. False: this machine does not let us."""
    copy = tempfile.mkdtemp(prefix="postern-etc-")
    atexit.register(shutil.rmtree, copy, True)
    subprocess.run(["cp", "-a", "/etc/.", copy], check=True)
    os.chmod(copy, 0o755)
    if LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return False
    return LIBC.mount(copy.encode(), b"/etc", None, MS_BIND, None) == 0


def add_users(users, home="/nonexistent"):
    """users: {name: (uid, what stands behind the name in /etc/shadow)}"""
    with open("/etc/passwd", "a") as passwd, open("/etc/shadow", "a") as shadow:
        for name, (uid, rest) in users.items():
            passwd.write(f"{name}:x:{uid}:{uid}::{home}:/usr/sbin/nologin\n")
            shadow.write(f"{name}:{rest}\n")


def has_address(name):
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return False
    return True


def name_this_host(is_own=False):
    """localhost and this host's name have addresses, as clients want; in an /etc of our own where the machine's says nothing of them.
    is_own: own_etc() was called already."""
    lacking = [name for name in ("localhost", socket.gethostname()) if not has_address(name)]
    if lacking and (is_own or own_etc()):
        with open("/etc/hosts", "a") as hosts:
            hosts.write(f"127.0.0.1 {' '.join(lacking)}\n")
