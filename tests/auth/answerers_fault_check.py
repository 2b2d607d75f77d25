#!/usr/bin/env python3
"""countd, check-spawn, shadow-spawn and shadow-check at each system call that they make, from their start on: it fails, or it is the last
(answering.py says what must be so)

    answerers_fault_check.py [long]      long: every call with every error, instead of some evenly
"""
import atexit
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE)]
from check import case, finish, skip  # noqa: E402
from traced import cannot_run  # noqa: E402

if cannot_run():
    @case("countd and those who ask checkers at every system call")
    def _():
        skip(f"NOT SHOWN: {cannot_run()}")
    finish()

from answerers import CheckSpawn, Countd, shadows  # noqa: E402
from answering import prove, rests_while_it_cannot_accept  # noqa: E402
from parts import Parts  # noqa: E402

FOUND = {  # what these proofs found once: what is so now, and where
    "check-spawn says which error kept it from control/checkers": ("check-spawn", "openat", "EIO"),
    "check-spawn says which error kept it from starting a checker": ("check-spawn", "pipe2", "EMFILE"),
    "check-spawn says which error kept it from hearing a checker": ("check-spawn", "read", "EIO"),
    "check-spawn ends, and says so, when it cannot wait": ("check-spawn", "poll", "ENOMEM:on"),
    "shadow-spawn says which error kept shadow-check from starting": ("shadow-spawn, starting shadow-check", "execve", "ENOMEM"),
    "shadow-check says which error kept it from its question": ("shadow-check, a right password", "read", "EIO"),
}
parts = Parts().__enter__()
atexit.register(parts.__exit__)
CHECKS = CheckSpawn(parts)
SHADOWS = shadows(parts)
if SHADOWS is None:
    @case("shadow-spawn and shadow-check at every system call")
    def _():
        skip("NOT SHOWN: this machine makes no mount name space")

prove(parts, [Countd(), CHECKS, *(SHADOWS or [])], FOUND)


@case("check-spawn says so and rests while it cannot accept")
def _():
    rests_while_it_cannot_accept(parts, CHECKS)


finish()
