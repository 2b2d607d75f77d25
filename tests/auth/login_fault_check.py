#!/usr/bin/env python3
"""auth/login at each system call that it makes, from its start on, and its child at each until it is a mailbox's user: it fails, or it is the
last. No session is root's, of another uid, in a group, or of a ticket that was used (answering.py says what else must be so)

    login_fault_check.py [long]      long: every call with every error, instead of some evenly
"""
import atexit
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE)]
from check import case, finish, skip  # noqa: E402
from traced import cannot_run  # noqa: E402

if cannot_run():
    @case("login at every system call")
    def _():
        skip(f"NOT SHOWN: {cannot_run()}")
    finish()

from answerers import logins  # noqa: E402
from answering import prove, rests_while_it_cannot_accept  # noqa: E402
from parts import Parts  # noqa: E402

FOUND = {  # what these proofs found once: what is so now, and where
    "login ends, and says so, when it cannot wait": ("login", "poll", "ENOMEM:on"),
    "login says which error kept it from hearing a request": ("login", "recvmsg", "ENOMEM"),
    "login says which error kept it from becoming the mailbox's user": ("login, before it is the mailbox's user", "setresuid", "EAGAIN"),
    "login starts nothing where its groups stay": ("login, before it is the mailbox's user", "setgroups", "ENOMEM"),
}
parts = Parts().__enter__()
atexit.register(parts.__exit__)
KINDS = logins(parts)
prove(parts, KINDS, FOUND)


@case("login says so and rests while it cannot accept")
def _():
    rests_while_it_cannot_accept(parts, KINDS[0])


finish()
