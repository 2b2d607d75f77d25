#!/usr/bin/env python3
"""tls_load_check - many connections over TLS: what an idle one costs, and that aborted ones leave nothing behind

    tests/e2e/tls_load_check.py           200 idle connections, 1,000 aborted handshakes, 1,000 aborted logins
    tests/e2e/tls_load_check.py long      10,000 handshakes, 100,000 logins

Memory is the proportional set size (PSS) of /proc/PID/smaps_rollup: shared pages count once for all who share them. What may not grow is
what a process made its own (RssAnon): of the pages of shared libraries its part changes with what else runs on the machine.
"""
import itertools
import os
import pathlib
import re
import socket
import ssl
import sys
import time
import traceback

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish
from postern import Instance, wait_for_exit
from tls_peer import Peer, trust

is_long = "long" in sys.argv[1:]
HANDSHAKES, LOGINS = (10_000, 100_000) if is_long else (1_000, 1_000)
IDLE = 200
ON_ONE = 20  # aborted logins on one connection: after as many refused commands smtpd ends it
LASTING = ("tlsd", "tlskeyd", "authd", "countd", "tcplisten", "smtpd")
sources = [f"127.0.0.{number}" for number in range(1, 21)]


def pss(pid):
    """KiB; 0 when it has ended."""
    try:
        return int(re.search(r"^Pss: +(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
    except (OSError, TypeError):
        return 0


def own_memory(pid):
    """KiB that it made its own, whoever shares it meanwhile."""
    return int(re.search(r"^RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def children_of(pid):
    return len(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def at_once(count, work, clients=4):
    """Runs work(number, how many) in several processes, which share `count` among themselves; each must end well."""
    pids = []
    for number in range(clients):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(number, count // clients + (number < count % clients))
                code = 0
            except BaseException:  # pylint: disable=broad-except
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        pids.append(pid)
    equal([os.waitpid(pid, 0)[1] for pid in pids], [0] * clients, "clients that ended well")


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


with Instance(users=("alice",)) as mail:
    context = trust(mail)
    resting = {}

    def serving():
        """{pid: name} of those that are not there at rest."""
        return {pid: name for pid, name in mail.processes().items() if name in ("smtpd", "tlsd") and pid not in resting}

    def settle():
        for pid in serving():
            wait_for_exit(pid, 60)

    def costs():
        """{name: (processes, KiB of its own, KiB of PSS, descriptors, children)} of those that stay."""
        found = {}
        for pid, name in mail.processes().items():
            if name in LASTING:
                try:
                    one = 1, own_memory(pid), pss(pid), len(os.listdir(f"/proc/{pid}/fd")), children_of(pid)
                    found[name] = tuple(map(sum, zip(found.get(name, (0,) * 5), one)))
                except FileNotFoundError:
                    pass
        return found

    def no_growth(before, after, most):
        """Each of the lasting ones has as many descriptors and children as before, and at most so many KiB more."""
        for name, (count, memory, share, files, children) in after.items():
            was_count, was_memory, was_share, was_files, was_children = before[name]
            print(f"  {name}: {was_memory} to {memory} KiB of its own, {was_share} to {share} of PSS, {was_files} to {files} descriptors, "
                  f"{was_children} to {children} children", flush=True)
            expect(memory <= was_memory + most, f"{name} grew from {was_memory} to {memory} KiB")
            equal((count, children), (was_count, was_children), f"{name}: processes and children")
            expect(files <= was_files + 2, f"{name} has {files} descriptors, {was_files} before")  # a connection may just be ending

    for service in ("smtpd", "submission", "submissions"):  # whoever is made once is made now
        with Peer(mail, service, context=context) as peer:
            if service != "submissions":
                peer.starttls()
            peer.code("QUIT")
    resting.update({pid: name for pid, name in mail.processes().items() if name == "tcplisten"})
    resting.update({mail.service(name).pid(): "tlsd" for name in ("tlsd", "tlsc")})

    def abort_handshakes(client, count):
        hello, places = client_hello(), itertools.cycle(sources[client * 5:client * 5 + 5])
        for number in range(count):
            with socket.create_connection(("127.0.0.1", mail.ports["submissions"]), 60, (next(places), 0)) as raw:
                if number % 3:
                    raw.sendall(hello[:len(hello) * (number % 7) // 6])
                if number % 3 == 2:
                    raw.sendall(hello)
                    raw.recv(1)

    def abort_logins(client, count):
        """By "*", by a cut in the middle, by SCRAM that does not go on; some on each connection."""
        places, done = itertools.cycle(sources[client * 5:client * 5 + 5]), 0
        while done < count:
            with Peer(mail, "submissions", next(places), context=context, patience=60) as peer:
                peer.features()
                for number in range(min(ON_ONE, count - done) - 1):
                    equal(peer.code("AUTH LOGIN" if number % 2 else "AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPWFiYw=="), 334)
                    equal(peer.code("*"), 501)
                peer.take("AUTH LOGIN\r\n")
                done += min(ON_ONE, count - done)

    @case(f"{IDLE} idle connections over TLS, and one more message goes through among them", seconds=200)
    def _():
        for service in ("smtpd", "submissions"):
            (mail.dir / "service" / service / "env/CONNECTIONS").write_text("400\n")
            mail.service(service).restart()
        resting.update({pid: name for pid, name in mail.processes().items() if name == "tcplisten"})
        places = itertools.cycle(sources)
        before = sum(pss(pid) for pid in mail.processes())
        started, peers = time.monotonic(), []
        try:
            for number in range(IDLE):
                peer = Peer(mail, ("smtpd", "submissions")[number % 2], next(places), context=context, patience=60)
                peers.append(peer)
                peer.features()
                if number % 2 == 0:
                    peer.starttls()
                    peer.features()
            took = time.monotonic() - started
            memory = {name: 0 for name in ("smtpd", "tlsd")}
            for pid, name in serving().items():
                memory[name] += pss(pid)
            total = sum(pss(pid) for pid in mail.processes()) - before
            print(f"  {IDLE} connections in {took:.1f} s: {total / IDLE:.0f} KiB of PSS each, of which smtpd {memory['smtpd'] / IDLE:.0f}, "
                  f"tlsd {memory['tlsd'] / IDLE:.0f}", flush=True)
            expect(total / IDLE < 1500, f"{total / IDLE:.0f} KiB a connection")
            mail.send("alice", b"Subject: among them\r\n\r\n")
            mail.wait_for_messages("alice", 1)
            equal([peer.code("NOOP") for peer in peers], [250] * IDLE)
        finally:
            for peer in peers:
                peer.close()
        settle()

    @case(f"{HANDSHAKES} aborted handshakes: no growth", seconds=900 if is_long else 200)
    def _():
        at_once(200, abort_handshakes)
        settle()
        before = costs()
        started = time.monotonic()
        at_once(HANDSHAKES, abort_handshakes)
        print(f"  {(time.monotonic() - started) / HANDSHAKES * 1000:.1f} ms each", flush=True)
        settle()
        no_growth(before, costs(), 300)

    @case(f"{LOGINS} aborted logins: no growth", seconds=1800 if is_long else 200)
    def _():
        at_once(10 * ON_ONE, abort_logins)
        settle()
        before = costs()
        started = time.monotonic()
        at_once(LOGINS, abort_logins)
        print(f"  {(time.monotonic() - started) / LOGINS * 1000:.1f} ms each", flush=True)
        settle()
        no_growth(before, costs(), 300)

    @case("afterwards alice logs in as ever")
    def _():
        with Peer(mail, "submissions", context=context) as peer:
            equal(peer.enter("alice", "secret"), 235)

finish()
