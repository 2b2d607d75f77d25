#!/usr/bin/env python3
"""tlskeyd, tlsd and a connection of it at each system call: it fails, or it is the last. Whoever asked hears "no" or an end, a line in the
log says why, no process and no descriptor is left over, and the next connection works, with the service or with its successor

    tls_fault_check.py [long]      long: every call with every error; else a share of them, spread evenly
"""
import atexit
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE)]
from check import case, expect, finish, skip  # noqa: E402
from parts import Parts  # noqa: E402
from traced import Traced, cannot_run, errno_actions, evenly, kill_actions  # noqa: E402

if cannot_run():
    @case("system calls of tlsd and tlskeyd fail")
    def _():
        skip(f"NOT SHOWN: {cannot_run()}")
    finish()

from answering import becomes  # noqa: E402
from login_place import children_of  # noqa: E402
from tls_place import TlsPlace  # noqa: E402

IS_LONG = sys.argv[1:] == ["long"]
SHARE = 6  # points of each in a short run
# Calls whose failure nobody needs to notice: memory that is given back, a signal's mask.
SILENT = {"close", "munmap", "madvise", "getpid", "clock_gettime", "rt_sigprocmask", "shutdown", "brk", "gettid"}
# Locks do not fail; a process whose memory is at its end goes without a word (exit 111), as everywhere.
NEVER = {"futex", "brk", "mmap", "munmap", "exit_group"}
ERRORS = {"accept4": ["EMFILE", "EINTR"], "poll": ["ENOMEM", "EINTR"], "clone": ["EAGAIN"], "socket": ["EMFILE"], "connect": ["EAGAIN"],
          "recvmsg": ["ENOMEM", "EINTR"], "getrandom": ["EINTR"], "prctl": ["ENOMEM"], "landlock_create_ruleset": ["ENOMEM"],
          "landlock_restrict_self": ["ENOMEM"], "prlimit64": ["EPERM"]}

parts = Parts().__enter__()
atexit.register(parts.__exit__)
place = TlsPlace(parts)


def handshake():
    try:
        return place.s_client("-servername", parts.me)
    except (EOFError, ConnectionError, BrokenPipeError) as error:
        return f"end: {error}", ""


SERVICES = {"tlskeyd": (["auth/tlskeyd"], "pn-key"), "tlsd": (["auth/tlsd", "server"], "pn-tls")}
KINDS = {  # what is traced, the role of its process, where counting begins
    "tlskeyd": ("tlskeyd", "main", "ready"),
    "tlsd": ("tlsd", "main", "ready"),
    "tlsd, a connection": ("tlsd", "fork", "birth"),
}


class Run:
    """What two handshakes, one after the other, came to while a call of a service went wrong, and one behind them: with the service, or
    with its successor."""

    def __init__(self, kind, action):
        service, role, begin = KINDS[kind]
        listener = parts.listen(service)
        started = [] if service == "tlskeyd" else [self.serve("tlskeyd")]
        words, user = SERVICES[service]
        with Traced(parts, service, words, user, action, role=role, begin=begin, listener=listener) as traced:
            expect(traced.is_ready, f"{service} is not ready: {traced.log()}")
            if service == "tlskeyd":
                started.append(self.serve("tlsd"))
            self.first, _ = handshake()
            handshake()
            self.second, _ = ("", "") if traced.has_ended() else handshake()
            self.had_ended = traced.has_ended()
            self.left = 0 if self.had_ended or becomes(lambda: not children_of(traced.pid)) else len(children_of(traced.pid))
            self.descriptors = 0 if self.had_ended else len(os.listdir(f"/proc/{traced.pid}/fd"))
        if self.had_ended:
            started.append(self.serve(service, listener))
            self.second, _ = handshake()
        listener.close()
        self.log, self.calls, self.hit = traced.log() + "".join(one.log() for one in started), traced.calls, traced.hit
        self.died = [end for end in traced.ends if end.last < 0 and end.last not in (-9, -15)]
        for one in started:
            one.stop()
            parts.services.remove(one)
            os.unlink(one.log_path)

    @staticmethod
    def serve(service, listener=None):
        words, user = SERVICES[service]
        return parts.serve(service, words, user=user, listener=listener)


def trouble(run, action, name, descriptors):
    is_kill = action.startswith("kill")
    if run.hit is None:
        return ""
    if run.had_ended and not is_kill and not re.search(r"^tls(d|keyd): ", run.log, re.M):
        return "it ended without a word"
    if not isinstance(run.second, dict):
        return f"then {run.second}"
    if run.died:
        return f"a process died of signal {-run.died[0].last}"
    if isinstance(run.first, str) and not run.first.startswith(("own ", "no ", "end")):
        return run.first
    if isinstance(run.first, str) and not is_kill and name not in SILENT and not re.search(r"error=|reason=|event=(refused|died|abandoned)|^tls(d|keyd): ", run.log, re.M):
        return f"{run.first}, and no line in the log"
    if run.left or run.descriptors > descriptors:
        return f"{run.left} processes are left, and {run.descriptors} descriptors, not {descriptors}"
    return ""


for kind in KINDS:
    if os.environ.get("ONLY", kind) != kind:
        continue
    PLAIN = Run(kind, "count")
    CALLS = PLAIN.calls

    @case(f"{kind}: the calls of a handshake are counted")
    def _():
        expect(isinstance(PLAIN.first, dict) and isinstance(PLAIN.second, dict), f"{PLAIN.first} {PLAIN.second}")
        expect(len(CALLS) >= 5, CALLS)

    if KINDS[kind][1] == "main":
        CALLS = CALLS[: len(CALLS) // 3]  # the first handshake's of three
    else:
        CALLS = [call for call in CALLS if call.pid == CALLS[0].pid]
    NAMES = {call.count: call.name for call in CALLS}
    errors = {name: ERRORS.get(name, ["EIO"]) for name in NAMES.values() if name not in NEVER}
    for what, points in (("is killed before", kill_actions(CALLS)), ("meets errors of", errno_actions(CALLS, errors))):
        chosen = points if IS_LONG else evenly(points, SHARE)

        @case(f"{kind} {what} its {len(CALLS)} calls, {len(chosen)} points of {len(points)}: a clear no, a line in the log, and over", seconds=3000 if IS_LONG else 200)
        def _():
            wrong = {}
            for action in chosen:
                name = NAMES[int(action.split(":")[1])]
                why = trouble(Run(kind, action), action, name, PLAIN.descriptors)
                if why:
                    wrong[f"{action} ({name})"] = why
            expect(not wrong, wrong)


finish()
