#!/usr/bin/env python3
"""How long authd takes to say no: the same for every kind of wrong, so that nobody learns from it which logins exist

Many kinds of wrong tries run at once, in rounds, each kind in a new order; the times of each kind are compared with all
the others' by ranks (Mann and Whitney): |z| stays small where nothing tells them apart. What is compared is how far behind a whole
half second an answer comes: on a machine that is busy otherwise a hash takes longer than one, and authd then waits for the next.

    tests/auth/authd_time_check.py [long]      long: 40 rounds instead of 8
"""
import atexit
import ctypes
import math
import os
import pathlib
import random
import select
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, expect, finish, skip  # noqa: E402
from parts import Parts, netstring, read_record, record  # noqa: E402

if os.geteuid() != 0:
    @case("what is wrong takes the same time always")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from auth_place import AuthClient, app_password, as_asker, crypt, entry, salt, start_authd  # noqa: E402

ROUNDS = 40 if "long" in sys.argv[1:] else 8
LEAST = 0.5
MOST_Z = 4.5
APP = "abcdefghijklmnopqrstuvwxyz23"
parts = Parts().__enter__()
atexit.register(parts.__exit__)
schemes = {"yescrypt": ("$y$", 1), "scrypt": ("$7$", 6), "bcrypt": ("$2b$", 5), "sha512": ("$6$", 5000), "sha256": ("$5$", 5000), "md5": ("$1$", 0), "des": ("", 0)}
hashes = {name: crypt("secret", salt(prefix, count)) for name, (prefix, count) in schemes.items() if salt(prefix, count)}
logins = {name: made + ":" for name, made in hashes.items() if made}
logins.update({"disabled": entry("secret", flags="disabled"), "apps": entry("secret", apps=[app_password("one", APP, ("imap",))]), "keys": "secret",
               "no-keys": entry("secret", scram=False), "no-hash": entry(), "strange": "$weird$x:"})
authd = start_authd(parts, logins)


def password(login, word, **context):
    return [AuthClient.password_record(login, word, **context)]


def scram(login, proof=True, header="n,,"):
    first = record(b"F" + AuthClient.context() + netstring(b"SCRAM-SHA-256") + netstring(f"{header}n={login},r=abc".encode()))
    return [first, record(b"L" + netstring(b"c=biws,r=abc,p=" + b"A" * 43 + b"="))] if proof else [first]


KINDS = {f"wrong for {name}": password(name, "wrong") for name in logins}
KINDS.update({
    "no such login": password("nobody", "wrong"), "no login": password("", "wrong"), "not a login": password("\x01 ~", "wrong"), "a long login": password("x" * 1000, "wrong"),
    "no password": password("keys", ""), "a long password": password("keys", "x" * 1000), "right but disabled": password("disabled", "secret"),
    "another service's": password("apps", APP), "an app password that is none": password("apps", APP[::-1]), "another domain": password("keys@other.example", "secret"),
    "wrong proof": scram("keys"), "proof without keys": scram("no-keys"), "proof for nobody": scram("nobody"), "no SCRAM": scram("keys", False, "zz"),
})


class Concluded:
    """How many tries authd has said something of in its log; `events` is readable when that may have changed."""

    def __init__(self):
        self.log, self.found, self.half = open(authd.log_path, "rb", 0), 0, b""
        libc = ctypes.CDLL(None)
        self.events = os.fdopen(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0)
        libc.inotify_add_watch(self.events.fileno(), authd.log_path.encode(), 2)  # IN_MODIFY

    def count(self):
        self.events.read(65536)
        text = self.half + self.log.read()
        lines, _, self.half = text.rpartition(b"\n")
        self.found += lines.count(b" event=no-login ")
        return self.found


def rounds(_):
    """Times of each kind, from the last question to the answer. One is asked when authd's log has what became of the one before: it is not
    the queue of those who wait for a hash that is measured."""
    concluded = Concluded()
    times = {name: [] for name in KINDS}
    clients = {name: AuthClient() for name in KINDS}
    for client in clients.values():
        client.socket.setblocking(True)
    for _ in range(ROUNDS + 1):
        order = random.sample(list(KINDS), len(KINDS))
        for name in order:  # the first half of those who have two
            if len(KINDS[name]) == 2:
                clients[name].socket.sendall(KINDS[name][0])
                read_record(clients[name].socket)
        began, waiting, before = {}, {}, concluded.count()
        while order or waiting:
            if order and concluded.count() - before == len(began):
                name = order.pop()
                waiting[clients[name].socket] = name
                began[name] = time.monotonic()
                clients[name].socket.sendall(KINDS[name][-1])
            ready_ones = select.select([concluded.events, *waiting], [], [], 20)[0]
            now = time.monotonic()
            assert ready_ones, "neither a verdict nor an answer comes"
            for ready in ready_ones:
                if ready is concluded.events:
                    continue
                name = waiting.pop(ready)
                body = read_record(ready)
                assert body[:1] == b"N", (name, body)
                times[name].append(now - began[name])
    return {name: one[1:] for name, one in times.items()}  # the first round warms up


def behind(seconds):
    return (seconds + 0.001) % LEAST


def z_of(own, others):
    """Of the rank sum, with ties at the tenth of a millisecond, in which the clock of both sides is no finer."""
    everything = sorted((round(value, 4), index) for index, values in enumerate((own, others)) for value in values)
    ranks, start = 0.0, 0
    while start < len(everything):
        end = start
        while end < len(everything) and everything[end][0] == everything[start][0]:
            end += 1
        ranks += sum(1 for _, index in everything[start:end] if index == 0) * (start + end + 1) / 2
        start = end
    n, m = len(own), len(others)
    return (ranks - n * (n + m + 1) / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def median(values):
    return sorted(values)[len(values) // 2]


TOOK = as_asker(rounds, "pn-login")
TIMES = {name: [behind(seconds) for seconds in one] for name, one in TOOK.items()}


@case("nothing that is wrong is answered before its time")
def _():
    least = min(min(one) for one in TOOK.values())
    expect(least >= LEAST - 0.001, f"{least:.4f} s")


@case(f"{len(KINDS)} kinds of wrong cannot be told apart by their times")
def _():
    scores = {name: z_of(one, [value for other, values in TIMES.items() if other != name for value in values]) for name, one in TIMES.items()}
    medians = {name: median(one) for name, one in TIMES.items()}
    first, last = min(medians, key=medians.get), max(medians, key=medians.get)
    late = sum(seconds > 2 * LEAST for one in TOOK.values() for seconds in one)
    print(f"medians of {ROUNDS} times each, behind the half second: {medians[first] * 1000:.2f} ms ({first}) to {medians[last] * 1000:.2f} ms ({last}); "
          f"largest |z| {max(map(abs, scores.values())):.1f}; {late} of {ROUNDS * len(KINDS)} a half second later", flush=True)
    told = {name: f"z {z:.1f}, median {medians[name] * 1000:.2f} ms" for name, z in scores.items()
            if abs(z) > MOST_Z and abs(medians[name] - median(list(medians.values()))) > 0.002}
    expect(not told, told)


@case("the comparison would see a kind that takes 50 milliseconds longer")
def _():
    for name in ("no such login", "wrong for md5", "wrong proof"):
        others = [value for other, values in TIMES.items() if other != name for value in values]
        z = z_of([value + 0.05 for value in TIMES[name]], others)
        expect(z > 3, f"{name}: {z:.1f}")


finish()
