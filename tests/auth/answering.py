"""answering - every system call of a program that answers questions is its last one, or fails: what comes of it

    prove(parts, kinds, found)      # kinds: answerers.Answerer; found: {case: (kind's name, system call, error)}, what this found once

Nobody hears a wrong answer or becomes whom he must not be, who waits hears an end, nothing is left over, somebody says what failed, and the
next question is answered: by the same process, or by its successor. "long" tries every call with every error, else some, evenly; ONLY=NAME
takes one kind, VERBOSE=1 shows each point.
"""
import errno
import os
import select
import sys
import time

from check import case, equal, expect
from errors import CONFINES
from traced import Traced, errno_actions, evenly, kill_actions, says

IS_LONG = "long" in sys.argv[1:]
MOST = 100_000 if IS_LONG else 6


def becomes(condition, seconds=10):
    """Whether it comes true: what follows an answer takes a moment."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        select.select([], [], [], 0.01)
    return True


class Run:
    """One life of a program below points: what was answered first, then once more, and what its successor says."""

    def __init__(self, parts, kind, action, rounds=2):
        self.listener = parts.listen(kind.service)
        self.first, self.second, self.third, self.left = [], [], [], ""
        with Traced(parts, kind.service, kind.words, kind.user, action, role=kind.role, group=kind.group, listener=self.listener) as traced:
            self.first = kind.ask() if traced.is_ready else []
            if rounds > 1 and not traced.has_ended():
                self.second = kind.ask()
            self.left = kind.settle()
            self.descriptors = 0
            if rounds > 1 and not traced.has_ended():
                becomes(lambda: count_of(traced.pid) <= kind.descriptors, 3)
                self.descriptors = count_of(traced.pid)
            self.had_ended = traced.has_ended()
        self.log, self.calls, self.hit = traced.log(), traced.calls, traced.hit
        self.ends = traced.ends
        self.code = next((end.last for end in traced.ends if end.role == "main"), None)
        if self.had_ended:
            successor = parts.serve(kind.service, kind.words, user=kind.user, listener=self.listener, groups=("shadow",) if kind.group else ())
            self.third = kind.ask()
            self.left = self.left or kind.settle()
            successor.stop()
            parts.services.remove(successor)
        self.listener.close()


def count_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def was_left_open(run, action):
    """A step of main() or confine() failed, and the program went on; what libc does is in front of the umask."""
    if action.startswith("kill") or not run.hit or run.hit.name not in CONFINES:
        return False
    made = [call.name for call in run.calls if call.pid == run.hit.pid and call.count < run.hit.count]
    return "umask" in made and not any(end.pid == run.hit.pid and end.last > 0 for end in run.ends)


def trouble(kind, run, action):
    is_kill = action.startswith("kill")
    right = list(kind.right)
    for said in (run.first, run.second, run.third):
        if any(one.startswith("!") or one[0] in wrong for one, wrong in zip(said, kind.never)):
            return f"a wrong answer: {said}"
    if run.left:
        return run.left
    if "secret" in run.log:
        return "a password is in the log"
    if run.had_ended and not is_kill and (run.code is None or run.code <= 0 or f"{kind.service}: " not in run.log):
        return f"it ended with {run.code}: {run.log[-300:]}"
    if was_left_open(run, action):
        return "it went on without its confinement"
    if run.had_ended and run.third != right:
        return f"its successor said {run.third}"
    if not run.had_ended and run.second != right:
        return f"then it said {run.second}: {run.log[-300:]}"
    if not run.had_ended and run.descriptors > kind.descriptors:
        return f"it has {run.descriptors} descriptors, not {kind.descriptors}"
    if (run.had_ended or any(one not in (wanted, "end") for one, wanted in zip(run.first, right))) and not says(action, run.log):
        return f"it said {run.first}, and nobody says why: {run.log[-300:]}"
    return ""


def try_all(parts, kind, actions, names):
    found, reached = {}, 0
    for action in actions:
        run = Run(parts, kind, action)
        reached += run.hit is not None
        why = trouble(kind, run, action)
        if os.environ.get("VERBOSE"):
            print(f"  {action} {run.hit and run.hit.name} {run.first} {run.second} {run.third} {why}", flush=True)
        if why:
            found[f"{action} ({names[int(action.split(':')[1])]})"] = why
    expect(not found, found)
    expect(reached >= len(actions) * 0.8, f"{reached} of {len(actions)} points were reached")


def prove_one(parts, kind, found):
    kind.descriptors = 0
    plain = Run(parts, kind, "count")
    kind.descriptors = plain.descriptors
    counted = Run(parts, kind, "count", rounds=1)
    calls = counted.calls if kind.role == "main" else [call for call in counted.calls if call.pid == counted.calls[0].pid]
    names = {call.count: call.name for call in calls}

    @case(f"{kind.name} below points answers as otherwise")
    def _():
        equal((plain.first, plain.second), (list(kind.right),) * 2, plain.log)
        expect(not plain.left and not plain.had_ended and plain.descriptors > 2, f"{plain.left} {plain.log}")
        expect(len(calls) > 5, f"{len(calls)} calls")

    for what, actions in (("killed before", kill_actions(calls)), ("errors of", errno_actions(calls))):
        chosen = evenly(actions, MOST)

        @case(f"{kind.name}: {what} its {len(calls)} calls, {len(chosen)} points of {len(actions)}", seconds=3000 if IS_LONG else 200)
        def _():
            try_all(parts, kind, chosen, names)

    for name, (where, wanted, error) in found.items():
        if where == kind.name:
            number, _, goes_on = error.partition(":")

            @case(name)
            def _():
                runs, those = [], [call for call in calls if call.name == wanted]
                # What fails for good does so from its first call on, which comes in the same place each time.
                for call in those[:1] if goes_on else those[-4:] * 5:
                    action = f"errno:{call.count}:{getattr(errno, number)}" + (":on" if goes_on else "")
                    run = Run(parts, kind, action)
                    if run.hit and run.hit.name == wanted:  # the order of two calls may be another one this time
                        runs.append(action)
                        equal(trouble(kind, run, action), "", action)
                    if len(runs) == 3:
                        break
                expect(runs, f"no {wanted} was met")


def rests_while_it_cannot_accept(parts, kind):
    """accept4() fails from its first call on."""
    counted = Run(parts, kind, "count", rounds=1)
    first = next(call for call in counted.calls if call.name == "accept4")
    listener = parts.listen(kind.service)
    with Traced(parts, kind.service, kind.words, kind.user, f"errno:{first.count}:{errno.EMFILE}:on", group=kind.group, listener=listener) as traced:
        expect_rests(parts, traced, kind.service)
    listener.close()


def expect_rests(parts, traced, service):
    """Of a service that cannot accept."""
    with parts.connect(service):
        expect(becomes(lambda: traced.log().count("event=accept") == 1), traced.log())
        began = time.monotonic()
        expect(becomes(lambda: traced.log().count("event=accept") == 2), traced.log())
        expect(time.monotonic() - began > 0.4, "it tries again at once")
        expect("Too\\x20many\\x20open\\x20files" in traced.log(), traced.log())


def prove(parts, kinds, found):
    for kind in kinds:
        if os.environ.get("ONLY", kind.name) == kind.name:
            prove_one(parts, kind, found)
