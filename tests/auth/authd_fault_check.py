#!/usr/bin/env python3
"""Every system call of authd once it is ready, and of a child that hashes, fails or is the last: nobody is let in wrongly, and it goes on or says why

    tests/auth/authd_fault_check.py [long]      long: every call with every error, instead of some evenly

authd runs below build/tests/points/points; after each point an authd that is left is asked again, and must then be right.
"""
import atexit
import errno
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE)]
from answering import expect_rests  # noqa: E402
from check import case, equal, expect, finish, skip  # noqa: E402
from parts import Parts  # noqa: E402
from traced import Traced, cannot_run, errno_actions, evenly, kill_actions  # noqa: E402

if cannot_run():
    @case("authd at every system call")
    def _():
        skip(f"NOT SHOWN: {cannot_run()}")
    finish()

from auth_place import AuthClient, as_asker, entry, redeem, write_passwords  # noqa: E402

IS_LONG = "long" in sys.argv[1:]
MOST = 10_000 if IS_LONG else 8
parts = Parts().__enter__()
atexit.register(parts.__exit__)
parts.user("alice")
asked, tickets = parts.listen("authd"), parts.listen("authd-tickets")
EXPECTED = ["Y", "Nb", "Y", "Y"]
RIGHT, WRONG = ("alice", "secret"), ("alice", "wrong")


def dialogue(_):
    """What happens to each question, all asked at once: the kind of the answer, or ! where there was none, and the ticket."""
    clients, said = [], []
    for words in (RIGHT, WRONG, RIGHT):
        try:
            clients.append(AuthClient(20))
            clients[-1].send_password(*words, service="pop3")
        except OSError:
            clients.append(None)
    try:
        with AuthClient(20) as client:
            proof = client.scram("alice", "secret", service="pop3")
            proof = (proof.kind + proof.reason, proof.ticket)
    except (OSError, EOFError):
        proof = ("!", "")
    for client in clients:
        try:
            answer = client.answer()
            said.append((answer.kind + answer.reason, answer.ticket))
            client.close()
        except (AttributeError, OSError, EOFError):
            said.append(("!", ""))
    return [*said, proof]


class Run:
    """What the clients heard while a call went wrong; where it still runs, what they hear then, and of a ticket."""

    def __init__(self, role, begin, action):
        write_passwords(parts, {"alice": entry("earlier")})
        self.said, self.again, self.ticket = [], None, None
        with Traced(parts, "authd", ["auth/authd"], "pn-auth", action, role=role, begin=begin, listener=asked, second=tickets) as traced:
            self.is_ready = traced.is_ready
            if traced.is_ready:
                write_passwords(parts, {"alice": entry("secret")})  # it has to read the file again
                self.said = as_asker(dialogue) if not traced.has_ended() else []
                if not traced.has_ended():
                    self.again = as_asker(dialogue)
                    if self.again[0][1] and not traced.has_ended():
                        self.ticket = redeemed(self.again[0][1])
        self.calls, self.log = traced.calls, traced.log()


def redeemed(ticket):
    try:
        return redeem("pop3", ticket)[0]
    except (OSError, EOFError):
        return "!"


def trouble(run, is_kill):
    for one in [run.said, run.again or []]:
        kinds = [kind for kind, _ in one]
        if len(kinds) > 1 and kinds[1].startswith("Y"):
            return f"let in: {kinds}"
    if not run.is_ready and not is_kill and not run.log:
        return "it was not ready, and said nothing"
    if run.again and any(kind == "!" for kind, _ in run.again) and not run.log:
        return "it goes on without answering, and says nothing"
    if run.again and not is_kill and [kind for kind, _ in run.again] != EXPECTED and "error" not in run.log and "died" not in run.log:
        return f"afterwards: {run.again}"
    if any(word in run.log for word in ("secret", "wrong ", "$6$")):
        return "a secret is in the log"
    return ""


for role, begin, what in (("main", "ready", "authd"), ("fork", "birth", "a child that hashes")):
    PLAIN = Run(role, begin, "count")

    @case(f"{what} below points does what it does otherwise")
    def _():
        expect([kind for kind, _ in PLAIN.again or []] == EXPECTED and PLAIN.ticket == "Y", f"{PLAIN.said} {PLAIN.again} {PLAIN.ticket}: {PLAIN.log[-800:]}")
        expect(len(PLAIN.calls) > 10, f"{len(PLAIN.calls)} calls")

    CALLS = [call for call in PLAIN.calls if call.pid == PLAIN.calls[0].pid]  # of one child
    NAMES = {call.count: call.name for call in CALLS}
    for is_kill in (False, True) if role == "main" else (False,):  # a child that is killed: authd_limits_check.py
        POINTS = kill_actions(CALLS) if is_kill else errno_actions(CALLS)
        ACTIONS = evenly(POINTS, MOST)

        @case(f"{what}: {'killed before' if is_kill else 'errors of'} its {len(CALLS)} calls, {len(ACTIONS)} points of {len(POINTS)}, nobody is let in wrongly", seconds=3000 if IS_LONG else 200)
        def _():
            found = {}
            for action in ACTIONS:
                why = trouble(Run(role, begin, action), is_kill)
                if why:
                    found[f"{action} ({NAMES[int(action.split(':')[1])]})"] = why
            expect(not found, found)

    if role == "main":
        @case("a changed file of passwords that could not be read once is read with the next question")
        def _():
            tried = [call for call in CALLS if call.name == "openat"]
            expect(tried, "it opens nothing anew")
            for call in tried:
                run = Run(role, begin, f"errno:{call.count}:{errno.ENFILE}")
                equal([kind for kind, _ in run.again or []], EXPECTED, run.log[-500:])

        @case("authd rests while it cannot accept, and does not spin")
        def _():
            first = next(call for call in CALLS if call.name == "accept4")
            with Traced(parts, "authd", ["auth/authd"], "pn-auth", f"errno:{first.count}:{errno.EMFILE}:on", role=role, begin=begin, listener=asked, second=tickets) as traced:
                expect_rests(parts, traced, "authd")


finish()
