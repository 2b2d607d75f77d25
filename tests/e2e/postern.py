"""postern - a complete instance for a test, and what tests ask of it

    from postern import Instance
    with Instance(users=("alice",), settings={"concurrencylocal": "5"}) as mail:
        with mail.smtp() as client:
            client.sendmail("a@client.example", ["alice@here.example"], b"Subject: x\\r\\n\\r\\nhello\\r\\n")
        message, = mail.wait_for_messages("alice", 1)

Nothing here sleeps: waiting is for inotify events, s6's events and the ends of processes. Everything lies in a directory of
its own below /tmp that is removed at the end, unless a case failed: then its logs are printed and it stays.
"""
import ctypes
import errno
import fcntl
import os
import pathlib
import re
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check  # noqa: E402  pylint: disable=wrong-import-position

root = pathlib.Path(__file__).resolve().parent.parent.parent
default_seconds = 30
marks_of_ports = []


class Watch:
    """Inotify on directories: wait() returns after the next change, or when the deadline has passed."""

    CHANGES = 0x2 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # modify, close after writing, moves, creation, removal

    def __init__(self, *directories):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        for directory in directories:
            self.add(directory)

    def add(self, directory):
        if self._libc.inotify_add_watch(self._fd, os.fsencode(directory), self.CHANGES) < 0:
            code = ctypes.get_errno()
            if code != errno.ENOENT:
                raise OSError(code, os.strerror(code), str(directory))

    def wait(self, deadline):
        ready = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))[0]
        if ready:
            os.read(self._fd, 65536)
        return bool(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)


def wait_until(condition, directories, seconds=default_seconds, what="the condition"):
    """What `condition` returns once that is true; looked at anew whenever something changes in `directories`."""
    deadline = time.monotonic() + seconds
    with Watch(*directories) as watch:
        while True:
            value = condition()
            if value:
                return value
            if not watch.wait(deadline) and time.monotonic() >= deadline:
                value = condition()
                if value:
                    return value
                raise check.Failure(f"{what() if callable(what) else what}: not within {seconds} seconds")


def free_port_base():
    """N such that N+25 is free now on both loopbacks; below the range that the kernel hands out by itself."""
    start = 10000 + (os.getpid() * 7) % 100 * 200
    for step in range(100):
        base = 10000 + (start - 10000 + step * 200) % 20000
        mark = open(os.path.join(tempfile.gettempdir(), f"postern-ports-{base}"), "w")  # pylint: disable=consider-using-with
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as long as this process lives: another test may be about to start
        except OSError:
            mark.close()
            continue
        try:
            for port in (25, 110, 143, 465, 587, 993, 995):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + port))
        except OSError:
            mark.close()
            continue
        marks_of_ports.append(mark)
        return base
    raise check.Failure("no free ports")


def has_exited(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for_exit(pid, seconds=default_seconds):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not has_exited(pid) and not select.select([fd], [], [], seconds)[0]:
            raise check.Failure(f"process {pid} still runs after {seconds} seconds")
    finally:
        os.close(fd)


class Service:
    """One service of an instance, through s6."""

    def __init__(self, instance, name):
        self.name, self.directory = name, instance.dir / "service" / name

    def pid(self):
        return int(subprocess.check_output(["s6-svstat", "-o", "pid", str(self.directory)]))

    def is_ready(self):
        return subprocess.check_output(["s6-svstat", "-o", "ready", str(self.directory)]).strip() == b"true"

    def _control(self, *options):
        subprocess.run(["s6-svc", *options, "-T", str(default_seconds * 1000), str(self.directory)], check=True)

    def send_signal(self, number):
        os.kill(self.pid(), number)

    def kill_and_wait(self, number=signal.SIGKILL):
        """Ends the service's process by a signal; returns when its successor is ready."""
        listen = ["s6-ftrig-listen1", "-t", str(default_seconds * 1000), str(self.directory / "event"), "U"]
        subprocess.run(listen + ["kill", f"-{int(number)}", str(self.pid())], check=True, stdout=subprocess.DEVNULL)

    def restart(self):
        self._control("-wR", "-r")

    def stop(self):
        self._control("-wD", "-d")

    def start(self):
        self._control("-wU", "-u")


class Instance:
    def __init__(self, users=("alice", "bob"), domains=("here.example",), settings=None, arguments=(), dns=None):
        self.users = {name: "secret" for name in users} if not isinstance(users, dict) else users
        self.domains, self.domain = tuple(domains), domains[0]
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-test."))
        self.port_base = free_port_base()
        self._arguments = [word for domain in domains for word in ("--domain", domain)]
        self._arguments += [word for name, password in self.users.items() for word in ("--user", f"{name}:{password}")]
        for name, value in (settings or {}).items():
            for line in [value] if isinstance(value, (str, int)) else value:
                self._arguments += ["--set", f"{name}={line}"]
        if dns:
            self._arguments += ["--dns", dns]
        self._arguments += ["--port-base", str(self.port_base), *arguments]
        self.env = {}

    # --- its life

    def start(self):
        done = self.command("start", *self._arguments)
        if done.returncode != 0:
            self._show_logs()
            raise check.Failure(f"tools/instance start: exit {done.returncode}: {done.stderr}")
        self.env = self.read_env()
        self.host, self.port = self.env["HOST"], int(self.env["SMTP_PORT"])
        self.ports = {path.parent.parent.name: int(path.read_text()) for path in self.dir.glob("service/*/env/PORT")}
        return self

    def command(self, verb, *arguments):
        """Runs tools/instance VERB on this instance."""
        return subprocess.run([str(root / "tools/instance"), verb, str(self.dir), *arguments], cwd=root, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def stop(self):
        return self.command("stop")

    def read_env(self):
        """DIR/env as a shell reads it."""
        text = subprocess.check_output(["sh", "-c", 'set -a; . "$1"; exec env', "sh", str(self.dir / "env")], env={}, text=True)
        return dict(line.split("=", 1) for line in text.splitlines())

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, kind, *_):
        if kind is not None or check.failures():
            self._show_logs()
        self.stop()
        if kind is None and not check.failures():
            shutil.rmtree(self.dir)
        else:
            print(f"  left for a look: {self.dir}", flush=True)

    def _show_logs(self):
        for path in sorted(self.dir.glob("log/*/current")) + [self.dir / "log/s6-svscan"]:
            if path.exists() and path.stat().st_size:
                lines = path.read_text("utf-8", "backslashreplace").splitlines()[-15:]
                print(f"  {path.relative_to(self.dir)}:\n    " + "\n    ".join(lines), flush=True)

    def service(self, name):
        return Service(self, name)

    def services(self):
        return [Service(self, path.name) for path in sorted((self.dir / "service").iterdir()) if not path.name.startswith(".")]

    # --- clients

    def address(self, user):
        return f"{user}@{self.domain}"

    def smtp(self, host=None, seconds=default_seconds):
        return smtplib.SMTP(host or self.host, self.port, local_hostname="client.example", timeout=seconds)

    def connect(self, host=None, seconds=default_seconds):
        return socket.create_connection((host or self.host, self.port), timeout=seconds)

    def send(self, user, message, sender="sender@client.example"):
        """One message by SMTP on a connection of its own; returns the reply to DATA."""
        with self.smtp() as client:
            client.ehlo()
            client.mail(sender)
            code, text = client.rcpt(self.address(user) if "@" not in user else user)
            check.equal(code, 250, f"RCPT: {text!r}")
            return client.data(message)

    def run(self, program, *arguments, message=b"", uid=None, environment=None):
        """Runs bin/PROGRAM for this instance, as root or another uid."""
        return subprocess.run([str(self.dir / "bin" / program), *arguments], input=message, capture_output=True, check=False, cwd="/",
                              user=uid, group=uid and 65534, extra_groups=None if uid is None else [],
                              env={"POSTERN_DIR": str(self.dir), "PATH": os.environ["PATH"], **(environment or {})})

    def inject(self, *arguments, message, uid=None, environment=None):
        return self.run("inject", *arguments, message=message, uid=uid, environment=environment)

    # --- mailboxes

    def maildir(self, user):
        return self.dir / "home" / user / "Maildir"

    def message_files(self, user):
        """Delivered messages, oldest first."""
        files = [path for part in ("new", "cur") for path in self.maildir(user).glob(part + "/*")]
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def messages(self, user):
        return [path.read_bytes() for path in self.message_files(user)]

    def wait_for_messages(self, user, count, seconds=default_seconds):
        """All messages of `user`, once there are at least `count`."""
        new = self.maildir(user) / "new"
        wait_until(lambda: len(os.listdir(new)) + len(os.listdir(new.parent / "cur")) >= count, [new], seconds,
                   lambda: f"{count} messages for {user} (there are {len(self.messages(user))})")
        return self.messages(user)

    # --- queue and logs

    def queued(self):
        """IDs of the messages in the queue."""
        return sorted(path.name for path in self.dir.glob("queue/todo/*/*"))

    def wait_for_empty_queue(self, seconds=default_seconds):
        todo = self.dir / "queue/todo"
        wait_until(lambda: not self.queued(), list(todo.iterdir()), seconds, lambda: f"an empty queue (in it: {self.queued()[:5]})")

    def log(self, service):
        """Everything the service has logged, without time stamps."""
        files = sorted((self.dir / "log" / service).glob("@*")) + [self.dir / "log" / service / "current"]
        text = "".join(path.read_text("utf-8", "backslashreplace") for path in files if path.exists())
        return re.sub(r"^@[0-9a-f]{24} ", "", text, flags=re.M)

    def wait_for_log(self, service, pattern, seconds=default_seconds):
        """The match of a regular expression in the service's log, once there is one."""
        return wait_until(lambda: re.search(pattern, self.log(service), re.M), [self.dir / "log" / service], seconds,
                          f"{pattern!r} in the log of {service}")

    # --- processes

    def processes(self):
        """{pid: name} of all live processes of our own programs."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                program = os.readlink(entry / "exe")
            except OSError:
                continue
            if program.startswith(f"{self.dir}/bin/"):
                found[int(entry.name)] = pathlib.Path(program).name
        return found
