"""parts - single services of Postern in a private directory, without s6: for tests of one program with its neighbours
played by the test.

    with Parts() as parts:
        parts.user("alice")
        service = parts.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
        answer = parts.inject(sender="me@x.example", recipients=["alice@mini.example"], message=b"Subject: x\\n\\n")

Needs root: services run as their own users, which are made if they are missing.
"""
import ctypes
import grp
import os
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("POSTERN_BUILD", "build"))
USERS = ("pn-smtp", "pn-submit", "pn-queue", "pn-send", "pn-bounce", "pn-remote", "pn-dns", "pn-log", "pn-desk", "pn-tls", "pn-tlsc", "pn-key", "pn-auth",
         "pn-count", "pn-login", "pn-check", "pn-shadow")
DIGITS = "0123456789abcdefghijklmnopqrstuv"
FIRST_VIRTUAL_UID = 1_900_000_000


def netstring(content):
    return b"%d:%s," % (len(content), content)


def frame(letter, content=b""):
    return letter + struct.pack(">I", len(content)) + content


def record(body):
    return struct.pack(">I", len(body)) + body


def envelope(sender, recipients, origin=b"l", extra=b""):
    text = b"o" + netstring(origin) + b"s" + netstring(sender.encode()) + extra
    return text + b"".join(b"r" + netstring(recipient.encode()) for recipient in recipients)


def read_exactly(stream, count):
    content = b""
    while len(content) < count:
        piece = stream.recv(count - len(content))
        if not piece:
            raise EOFError(f"ended after {len(content)} of {count} bytes")
        content += piece
    return content


def read_answer(stream):
    """queue-inject's answer: (letter, text)"""
    head = read_exactly(stream, 5)
    return head[:1], read_exactly(stream, struct.unpack(">I", head[1:])[0])


def read_record(stream):
    return read_exactly(stream, struct.unpack(">I", read_exactly(stream, 4))[0])


def take_fields(body):
    """letter and netstrings of a delivery record"""
    fields, rest = [], body[1:]
    while rest:
        length, _, rest = rest.partition(b":")
        fields.append(rest[: int(length)])
        rest = rest[int(length) + 1 :]
    return body[:1], fields


def has_users():
    try:
        return all(pwd.getpwnam(name) for name in USERS)
    except KeyError:
        return False


def ensure_users():
    """Made as an instance makes them, which may be starting beside us: under the same lock."""
    if not has_users():
        with tempfile.TemporaryDirectory() as control:
            subprocess.run([os.path.join(ROOT, "tools/setup-accounts"), control], check=True)


class as_user:
    """Runs a function in a process of its own under another uid; its exception is the caller's failure."""

    def __init__(self, name_or_uid):
        if isinstance(name_or_uid, int):
            self.uid = self.gid = name_or_uid
        else:
            entry = pwd.getpwnam(name_or_uid)
            self.uid, self.gid = entry.pw_uid, entry.pw_gid

    def __call__(self, function):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                function()
            except BaseException as error:  # pylint: disable=broad-except
                os.write(writer, f"{type(error).__name__}: {error}".encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            trouble = pipe.read().decode()
        os.waitpid(pid, 0)
        if trouble:
            raise AssertionError(trouble)


class Service:
    def __init__(self, process, listener, log_path):
        self.process, self.listener, self.log_path = process, listener, log_path

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def wait_log(self, pattern, seconds=20, count=1):
        """Waits until the log has matched so often, and gives the last of these matches."""
        libc = ctypes.CDLL(None, use_errno=True)
        events = libc.inotify_init1(os.O_NONBLOCK)
        libc.inotify_add_watch(events, self.log_path.encode(), 2)
        try:
            while True:
                found = list(re.finditer(pattern, self.log(), re.M))
                if len(found) >= count:
                    return found[count - 1]
                if not select.select([events], [], [], seconds)[0]:
                    raise AssertionError(f"no {pattern!r} in the log: {self.log()[-2000:]}")
                os.read(events, 65536)
        finally:
            os.close(events)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)  # a wrapper too
        return self.process.wait(20)


class Parts:
    def __init__(self, me="mini.example"):
        self.me = me
        self.services = []
        self.mailboxes = {}
        self.quotas = {}

    def __enter__(self):
        ensure_users()
        self.path = tempfile.mkdtemp(prefix="postern-parts-", dir=os.environ.get("TMPDIR", "/tmp"))
        os.chmod(self.path, 0o755)
        self.bin = os.path.join(self.path, "bin")
        for folder in ("bin", "control", "users", "users/full", "run", "home", "log"):
            os.mkdir(os.path.join(self.path, folder), 0o755)
        os.chmod(os.path.join(self.path, "home"), 0o711)
        accounts = "".join(f"{name} {pwd.getpwnam(name).pw_uid} {pwd.getpwnam(name).pw_gid}\n" for name in USERS)
        self.control("accounts", accounts)
        self.control("me", self.me + "\n")
        queue, send = pwd.getpwnam("pn-queue").pw_uid, pwd.getpwnam("pn-send")
        folders = ["queue", "queue/tmp", "queue/todo", "queue/broken"] + [f"queue/todo/{a}{b}" for a in DIGITS for b in DIGITS]
        for folder in folders:
            self._folder(folder, queue, send.pw_gid, 0o2750)
        self._folder("state", send.pw_uid, send.pw_gid, 0o750)
        self._folder("run/queue-send", send.pw_uid, pwd.getpwnam("pn-queue").pw_gid, 0o2750)
        self.write_users()
        self._back = os.getcwd()
        os.chdir(self.path)
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.stop(signal.SIGKILL)
        os.chdir(self._back)
        shutil.rmtree(self.path, ignore_errors=True)

    def _folder(self, name, uid, gid, mode):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)

    def control(self, name, text):
        path = os.path.join(self.path, "control", name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def user(self, name, dash="", with_maildir=True, quota=None):
        """A mailbox with a uid of its own, and with a quota ("bytes:messages") if it is said; gives its home."""
        uid = FIRST_VIRTUAL_UID + len(self.mailboxes)
        home = os.path.join(self.path, "home", name)
        os.mkdir(home, 0o700)
        for folder in ("Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur") if with_maildir else ():
            os.mkdir(os.path.join(home, folder), 0o700)
            os.chown(os.path.join(home, folder), uid, uid)
        os.chown(home, uid, uid)
        self.mailboxes[name] = (uid, home, dash)
        if quota:
            self.quotas[name] = quota
            flag = os.path.join(self.path, "users/full", name)
            open(flag, "w").close()
            os.chown(flag, uid, uid)
        self.write_users()
        return home

    def write_users(self):
        rows = []
        for name, (uid, home, dash) in self.mailboxes.items():
            fields = [name.encode(), b"%d" % uid, b"%d" % uid, home.encode()]
            rows.append((b"!" + name.encode() + b"\0", b"\0".join(fields + [b"", b""])))
            if dash:
                rows.append((b"!" + name.encode() + dash.encode(), b"\0".join(fields + [dash.encode(), b""])))
        dashes = "".join({dash for _, _, dash in self.mailboxes.values()}).encode()
        rows.append((b"", dashes))
        rows += [(b"q" + name.encode(), quota.encode()) for name, quota in self.quotas.items()]
        text = b"".join(b"+%d,%d:%s->%s\n" % (len(key), len(value), key, value) for key, value in rows) + b"\n"
        path = os.path.join(self.path, "users/cdb")
        subprocess.run(["cdb", "-c", "-t", path + ".tmp", path], input=text, check=True)
        os.chmod(path, 0o644)

    def program(self, name):
        """A copy of a program that every uid can reach."""
        path = os.path.join(self.bin, os.path.basename(name))
        if not os.path.exists(path):
            shutil.copy(os.path.join(BUILD, name), path)
            os.chmod(path, 0o755)
        return path

    def listen(self, service, kind=socket.SOCK_STREAM, mode=0o666):
        folder = os.path.join(self.path, "run", service)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        path = os.path.join("run", service, "s")  # relative: the path of a socket is short
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(path)
        os.chmod(path, mode)
        if kind == socket.SOCK_STREAM:
            listener.listen(512)
        return listener

    def serve(self, service, words, user=None, wrapper=(), listener=None, groups=(), second=None):
        """Starts a service, in further groups if it is said, and waits until it says that it is ready. `second` is a socket
        for its descriptor 1."""
        listener = listener or self.listen(service)
        reader, writer = os.pipe()
        log_path = os.path.join(self.path, "log", service)
        who = {}
        if user:
            entry = pwd.getpwnam(user)
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [grp.getgrnam(name).gr_gid for name in groups]}
        with open(log_path, "ab") as log:
            process = subprocess.Popen(
                [*wrapper, self.program(words[0]), *words[1:]], stdin=listener, stdout=second or log, stderr=log,
                env={"NOTIFY": str(writer)}, pass_fds=[writer], start_new_session=True, **who)
        os.close(writer)
        ready = os.read(reader, 1) if select.select([reader], [], [], 20)[0] else b""
        os.close(reader)
        service = Service(process, listener, log_path)
        self.services.append(service)
        if ready != b"\n":
            raise AssertionError(f"{words[0]} is not ready: {service.log()}")
        return service

    def connect(self, service):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(20)
        stream.connect(os.path.join("run", service, "s"))
        return stream

    def queued(self):
        """IDs in todo/, by path"""
        found = {}
        for folder in os.listdir("queue/todo"):
            for name in os.listdir(f"queue/todo/{folder}"):
                found[name] = f"queue/todo/{folder}/{name}"
        return found


def inject(stream, message, envelope_text):
    """One message over a connection to queue-inject; gives (letter, text)."""
    pieces = [message[at : at + 65536] for at in range(0, len(message), 65536)]
    stream.sendall(b"".join(frame(b"M", piece) for piece in pieces) + frame(b"E", envelope_text) + frame(b"C"))
    return read_answer(stream)
