#!/usr/bin/env python3
"""remote, remote-spawn, dnsqd and queue-send are killed at random while mail leaves. Nothing that was acknowledged is lost, and
whoever gets a message twice got it from a connection whose remote, or that remote's parent, was killed when the host had
the message and the outcome was not yet told. Fifteen seconds; "long" is a minute. run alone"""
import glob
import os
import pathlib
import random
import re
import socket
import sys
import threading
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "e2e")]
import hosts  # noqa: E402  pylint: disable=wrong-import-position
from parts import envelope, inject  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from zone import ZoneServer, is_there  # noqa: E402  pylint: disable=wrong-import-position
from check import case, equal, expect, finish, skip  # noqa: E402  pylint: disable=wrong-import-position

IS_LONG = sys.argv[1:] == ["long"]
LOAD_SECONDS = 60 if IS_LONG else 15
DOMAINS = 8
VICTIMS = ("remote", "remote-spawn", "dnsqd", "queue-send")
WINDOW = 0.5  # seconds between a host's having a message and the end of who was to tell of it


class TimedHost(hosts.Host):
    """Notes when it had each message, and from which port of ours."""

    def on_dot(self, session, taken):
        taken.time, taken.port = time.monotonic(), session.client[1]
        return super().on_dot(session, taken)


class Kill:
    def __init__(self, victim, ports):
        self.victim, self.ports, self.time = victim, ports, time.monotonic()


def ports_of(pids):
    """Local ports of these processes' TCP connections."""
    inodes = set()
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/fd/*"):
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(path))
            except OSError:
                continue
            if found:
                inodes.add(found[1])
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return {int(row[1].split(":")[1], 16) for row in rows if row[9] in inodes}


class Killer(threading.Thread):
    """Kills one of the victims now and then; a service is back before the next one falls."""

    def __init__(self, mail, seconds, chance):
        super().__init__()
        self.mail, self.end, self.chance, self.kills, self.error = mail, time.monotonic() + seconds, chance, [], None

    def run(self):
        rest = threading.Event()
        try:
            while time.monotonic() < self.end:
                rest.wait(self.chance.uniform(0.05, 0.6))
                self.kill(self.chance.choice(VICTIMS))
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def kill(self, victim):
        remotes = [pid for pid, name in self.mail.processes().items() if name == "remote"]
        if victim == "remote":
            if not remotes:
                return
            remotes = [self.chance.choice(remotes)]
        kill = Kill(victim, ports_of(remotes) if victim.startswith("remote") else set())
        if victim == "remote":
            try:
                os.kill(remotes[0], 9)
            except ProcessLookupError:
                return
        else:
            self.mail.service(victim).kill_and_wait()
        self.kills.append(kill)


def put(mail, number):
    """Queues a message for one domain, every tenth for three; (token, recipients), or nothing where it was not acknowledged."""
    recipients = [f"r@d{(number + more) % DOMAINS}.example" for more in range(3 if number % 10 == 0 else 1)]
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(30)
        stream.connect(str(mail.dir / "run/queue-anyone/s"))
        letter, _ = inject(stream, b"X-Token: t%d\nSubject: x\n\n%s" % (number, b"some text\n" * 50), envelope("alice@here.example", recipients))
    return [(f"t{number}", recipient) for recipient in recipients] if letter == b"Y" else []


def load(mail, killer):
    """Everything that was acknowledged while the killer ran."""
    keys, number, rest = [], 0, threading.Event()
    while killer.is_alive():
        number += 1
        keys += put(mail, number)
        if number % 5 == 0:
            rest.wait(0.05)
    return keys


def drain(mail):
    """All that waits is tried again until nothing is left."""
    deadline = time.monotonic() + 120
    while mail.queued() and time.monotonic() < deadline:
        mail.run("postern", "queue", "flush")
        before = len(mail.queued())
        try:
            wait_until(lambda: len(mail.queued()) < before or not mail.queued(), list((mail.dir / "queue/todo").iterdir()), 2)  # pylint: disable=cell-var-from-loop
        except Exception:  # pylint: disable=broad-except
            pass


def unexplained(taken_by_key, kills):
    """Copies for which there is no kill: what a host had, and was given again."""
    found = []
    for key, copies in taken_by_key.items():
        copies.sort(key=lambda taken: taken.time)
        for taken in copies[:-1]:
            if not any(taken.port in kill.ports and -WINDOW < kill.time - taken.time < WINDOW for kill in kills):
                near = [(kill.victim, round(kill.time - taken.time, 3), taken.port in kill.ports) for kill in kills if abs(kill.time - taken.time) < 2]
                found.append((key, taken.port, near))
    return found


def run():
    addresses = [f"127.0.2.{number + 1}" for number in range(DOMAINS)]
    port = hosts.common_port(addresses)
    receivers = [TimedHost(address, port) for address in addresses]
    zone = "".join(f"d{n}.example. 1 MX 10 mx.d{n}.example.\nmx.d{n}.example. 1 A {address}\n" for n, address in enumerate(addresses))
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    with ZoneServer({".": zone}) as names, Instance(users=("alice",), dns=names.host_port, settings={
            "smtpport": port, "retryschedule": 1, "timeoutconnect": 5}) as mail:
        killer = Killer(mail, LOAD_SECONDS, random.Random(seed))
        killer.start()
        keys = load(mail, killer)
        killer.join()
        drain(mail)
        taken_by_key = {}
        for host in receivers:
            for taken in host.taken:
                for address in taken.addresses():
                    taken_by_key.setdefault((taken.token, address), []).append(taken)
        counts = {victim: sum(kill.victim == victim for kill in killer.kills) for victim in VICTIMS}
        twice = sum(len(copies) - 1 for copies in taken_by_key.values())
        print(f"  seed {seed}: {len(keys)} deliveries in {LOAD_SECONDS} s, killed {counts}, {twice} copies too many", flush=True)

        @case(f"nothing is lost while {', '.join(VICTIMS)} are killed for {LOAD_SECONDS} seconds")
        def _():
            expect(killer.error is None, f"the killer: {killer.error!r}")
            expect(all(counts.values()) or not IS_LONG, counts)
            equal(mail.queued(), [], "still in the queue")
            equal(sorted(set(keys) - set(taken_by_key)), [], "lost")
            equal(len(mail.messages("alice")), 0, "bounces")

        @case("each copy too many is one whose outcome was killed on its way")
        def _():
            equal(unexplained(taken_by_key, killer.kills), [])
    for host in receivers:
        host.close()


if is_there():
    run()
else:

    @case("kills while mail leaves")
    def _():
        skip("nsd and ldnsutils are not here")


finish()
