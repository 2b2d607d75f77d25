"""traced - a program of a Parts below build/tests/points/points, for proofs about programs that answer questions

    with Traced(parts, "countd", ["auth/countd"], user="pn-count", action="errno:40:5") as traced:
        ...                      # traced.is_ready; traced.pid while the program runs
    traced.calls, traced.hit     # of points' report, once it is over

Counting begins with the program. Once it has ended, whoever connects hears an end, as of a service that is being started again.
"""
import errno
import os
import pathlib
import pwd
import select
import signal
import subprocess
import threading

from errors import ERRORS, points_of, words_of
from message import NAMES, Call
from parts import BUILD

POINTS = os.path.join(BUILD, "tests/points/points")


def cannot_run():
    """Why nothing can be shown on this machine; "" where it can."""
    if os.geteuid() != 0:
        return "takes root"
    if not os.path.exists(POINTS):
        return f"{POINTS} is missing: make test-tools"
    return "" if NAMES else "the kernel's headers are missing (linux-libc-dev): calls have no names"


def errno_actions(calls, errors=None):
    """Every error of every call, and every short write; of a loop that repeats itself in its first rounds only."""
    errors, calls = ERRORS if errors is None else errors, points_of(calls)
    return [f"short:{call.count}" if name == "short" else f"errno:{call.count}:{getattr(errno, name)}" for call in calls for name in errors.get(call.name, ())]


def kill_actions(calls):
    return [f"kill:{call.count}" for call in points_of(calls)]


def evenly(actions, most):
    return actions if len(actions) <= most else [actions[at * len(actions) // most] for at in range(most)]


def says(action, text):
    """Whether the error of the point is named there."""
    return not action.startswith("errno") or any(words in text for words in words_of(action))


class Traced:
    """`pid` is the program's; `role` whose calls are counted, as points has it. `user` None: root. `second` is a socket for its descriptor 1.
    More words are for Popen."""

    def __init__(self, parts, name, words, user, action, role="main", group=None, listener=None, second=None, begin="birth", **popen):
        self.log_path, self.report_path = os.path.join(parts.path, "log", f"{name}-traced"), os.path.join(parts.path, "log", f"{name}-points")
        self.listeners = [each for each in (listener, second) if each]
        uid, gid = (0, 0) if user is None else (pwd.getpwnam(user).pw_uid, group or pwd.getpwnam(user).pw_gid)
        reader, writer = os.pipe()
        given = [writer, *popen.pop("pass_fds", ())]
        popen = {"stdin": listener, "env": {"NOTIFY": str(writer)}, **popen}
        with open(self.report_path, "wb") as report, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [POINTS, str(report.fileno()), role, begin, action, str(uid), str(gid), parts.program(words[0]), *words[1:]], stderr=log,
                pass_fds=[report.fileno(), *given], start_new_session=True, **{"stdout": second or log, **popen})
        os.close(writer)
        self.pid, self.end_of = None, None
        self.wake = os.eventfd(0)
        self.hanging_up = threading.Thread(target=self.hang_up, daemon=True)
        self.is_ready = "NOTIFY" in popen["env"] and bool(select.select([reader], [], [], 20)[0]) and os.read(reader, 1) == b"\n"
        os.close(reader)
        self.find_program()
        self.calls, self.hit, self.ends = [], None, []
        self.hanging_up.start()

    def find_program(self):
        """The child of points, which may have ended."""
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            while not (found := children.read_text().split()) and os.path.getsize(self.report_path) == 0 and self.process.poll() is None:
                select.select([], [], [], 0.001)
            (self.pid,) = map(int, found)
            self.end_of = os.pidfd_open(self.pid)
        except (ValueError, OSError):
            self.pid = None

    def has_ended(self):
        return self.end_of is None or bool(select.select([self.end_of], [], [], 0)[0])

    def hang_up(self):
        end = [self.end_of] if self.end_of is not None else []
        if end and self.wake in select.select([*end, self.wake], [], [])[0]:
            return
        while self.wake not in (ready := select.select([*self.listeners, self.wake], [], [])[0]):
            for listener in ready:
                drain(listener)

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Its clients are gone by now: what it started ends by itself."""
        if self.process.poll() is None and not self.has_ended():
            os.kill(self.process.pid, signal.SIGUSR2)
        self.process.wait(30)
        os.eventfd_write(self.wake, 1)
        self.hanging_up.join()
        for fd in (self.wake, self.end_of):
            if fd is not None:
                os.close(fd)
        self.end_of = None
        for line in pathlib.Path(self.report_path).read_text().splitlines():
            call = Call(line)
            {"call": self.calls.append, "end": self.ends.append}.get(call.word, lambda _: None)(call)
            self.hit = self.hit or (call if call.word == "hit" else None)
        for listener in self.listeners:
            drain(listener)


def drain(listener):
    """Connections that nobody accepted: the next program must not meet them."""
    listener.setblocking(False)
    try:
        while True:
            listener.accept()[0].close()
    except OSError:
        pass
    listener.setblocking(True)
