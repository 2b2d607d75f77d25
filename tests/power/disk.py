"""disk - file systems whose power can be cut: what has reached their disk is copied in one instant

    alone()
    with Disk() as disk:
        disk.make("ext4")                   # an image file named ext4, with that file system
        place = disk.mount("ext4")
        disk.cut("ext4", "ext4.1")          # the power goes, for the copy: ext4 itself goes on
        disk.unmount()
        disk.mount("ext4.1", "ext4")        # a new machine finds the disk: the journal is replayed

A file on the machine's disk holds an xfs with reflinks; on that lie the image files, each behind a loop device on which the
file system under test is mounted. cut() is one FICLONE of the image file.

What counts as having reached the disk: every write that the loop device has completed, in the order in which it did, whether
or not a flush followed. The device does direct I/O (checked at each mount), so it keeps no copy of its own: a write is in the
image file or it is not. FICLONE holds the image's inode lock and waits for direct writes under way, so a write is in the
clone whole or not at all, and it writes nothing back but the image file's own page cache, which is empty. The pages and the
running transaction of the file system above, which a power cut takes away, are not in the image and so not in the clone; a
test makes sure of that (power_check.py). For this neither fsfreeze nor sync may run: they would write all of it back.

Not in this model: a device that loses or reorders what it has acknowledged before a flush (doc/durability.md).

All mounts are in a name space of this script's own (alone()), so they end with it.
"""
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check  # noqa: E402  pylint: disable=wrong-import-position

FICLONE = 0x40049409
PR_SET_PDEATHSIG, SIOCSIFFLAGS, IFF_UP = 1, 0x8914, 1
UNSHARE = ["unshare", "--mount", "--pid", "--net", "--fork"]
BASE_BYTES = 16 << 30  # all sparse
IMAGE_BYTES = 1 << 30
BLOCK = 4096  # of every file system and device: direct I/O to a shared block has to be whole
DIRECT = "--direct-io=on"
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-b", str(BLOCK)],
    "xfs": ["mkfs.xfs", "-q", "-s", f"size={BLOCK}"],
    "btrfs": ["mkfs.btrfs", "-q"],
}
# An fsync commits everything on ext4 and xfs; on btrfs that file only, and the rest every 30 seconds: a short run would end
# before the first commit, and removals that come too early need one to do harm.
OPTIONS_TO_COMMIT_SOON = {"ext4": "defaults", "xfs": "defaults", "btrfs": "commit=1"}


def command(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise check.Failure(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def why_not():
    """Why this machine cannot cut a disk's power; None if it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    subprocess.run(["sh", "-c", 'modprobe -q -a "$@" 2>/dev/null', "sh", *MAKE], check=False)
    for kind in MAKE:
        if kind not in pathlib.Path("/proc/filesystems").read_text().split():
            return f"the kernel has no {kind}"
    for tool in ("unshare", "losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "btrfs", "strace"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        return "no name spaces can be made"
    return None


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def alone():
    """Runs this script again in name spaces of its own: processes, mounts and loop devices end with it however it ends, and
    no other test takes its ports between two starts. The shell is there to reap what loses its parent. Returns in there only."""
    if os.environ.get("POWER_ALONE"):
        _raise_loopback()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="postern-power.", dir="/var/tmp") as place:
        os.chmod(place, 0o755)
        words = [*UNSHARE, "--mount-proc", "--kill-child", "--propagation", "private"]
        words += ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv]
        environment = dict(os.environ, POWER_ALONE=place)
        code = subprocess.run(words, env=environment, preexec_fn=_die_with_parent, check=False).returncode
    sys.exit(code)


def directory():
    """Where everything lies; removed at the end."""
    return pathlib.Path(os.environ["POWER_ALONE"])


class Disk:
    def __init__(self):
        self.images, self.place = directory() / "images", directory() / "mounted"
        self._loop = None

    def __enter__(self):
        base = directory() / "disk"
        with open(base, "wb") as file:
            file.truncate(BASE_BYTES)
        self.images.mkdir()
        self.place.mkdir()
        command("mkfs.xfs", "-q", "-m", "reflink=1", str(base))
        self._mount(base, "xfs", self.images)  # read and written through this mount alone, so its own cache does not matter
        return self

    def __exit__(self, *_):
        if self._loop:
            subprocess.run(["umount", "-l", str(self.place)], check=False)
        subprocess.run(["umount", "-l", str(self.images)], check=False)

    @staticmethod
    def _mount(file, kind, place, device_options=(), options="defaults"):
        loop = command("losetup", *device_options, "--find", "--show", str(file))
        try:
            if DIRECT in device_options:
                check.equal(command("losetup", "--list", "--noheadings", "--output", "DIO", loop), "1", f"direct I/O of {loop}")
            command("mount", "-t", kind, "-o", options, loop, str(place))
        finally:
            command("losetup", "--detach", loop)  # once nothing is mounted on it any more
        return loop

    def make(self, kind, name=None):
        image = self.images / (name or kind)
        with open(image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        command(*MAKE[kind], str(image))

    def mount(self, name, kind=None, commits="soon"):
        kind = kind or name
        options = OPTIONS_TO_COMMIT_SOON[kind] if commits == "soon" else "defaults"
        self._loop = self._mount(self.images / name, kind, self.place, (DIRECT, "--sector-size", str(BLOCK)), options)
        return self.place

    def unmount(self):
        command("umount", str(self.place))
        # btrfs remembers the device, and would refuse an older state of it.
        subprocess.run(["btrfs", "device", "scan", "--forget", self._loop], capture_output=True, check=False)
        self._loop = None

    def cut(self, name, copy):
        source = os.open(self.images / name, os.O_RDONLY)
        target = os.open(self.images / copy, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        try:
            fcntl.ioctl(target, FICLONE, source)
        finally:
            os.close(source)
            os.close(target)

    def remove(self, name):
        (self.images / name).unlink()
