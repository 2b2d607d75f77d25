#!/usr/bin/env python3
"""dnsqd among many: hundreds of questions at once, slow zones, clients that flood, do not read or speak nonsense, users of this host who
want everything, and settings that change under way"""
import atexit
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "e2e")]
from asking import Asker, question, start_dnsqd  # noqa: E402
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from hostile import TXT, ZONE, HostileServer, by_tcp, good, message, rr  # noqa: E402
from parts import Parts, as_user, netstring, record  # noqa: E402
from zone import ZoneServer, free_port, is_there  # noqa: E402

NOBODY = 65534
HOSTS = 600
GIANT = rr(TXT, b"".join(bytes([250]) + b"x" * 250 for _ in range(200)))

if os.geteuid() != 0 or not is_there():
    @case("dnsqd among many")
    def _():
        skip("NOT SHOWN: takes root and the packages nsd and ldnsutils")
    finish()

PARTS = Parts().__enter__()
atexit.register(PARTS.__exit__)


class Slow:
    """A name server's behaviour: answers nothing until it is let go, then everything, and at once."""

    def __init__(self):
        self.is_let_go, self.late = False, []

    def __call__(self, query):
        if self.is_let_go:
            return good(query)
        self.late.append(query)
        return []

    def let_go(self):
        self.is_let_go = True
        for query in self.late:
            query.reply(good(query))

    def hold(self):
        self.is_let_go, self.late = False, []


slow = Slow()
giants = {f"giant{i}": by_tcp(lambda query: message(query, [GIANT])) for i in range(100)}
hostile = HostileServer(free_port(), {f"slow{i}": slow for i in range(2000)} | giants)
names = ZoneServer({"good.example": "".join(f"h{i} A 192.0.2.{i % 256}\n" for i in range(HOSTS))}).__enter__()
atexit.register(names.__exit__)
SETTINGS = {"dnsforward": "hosts\n", "dnsstub": f"{ZONE} {hostile.server}\ngood.example {names.server}\n", "dnsanchor": "none\n"}
dnsqd = start_dnsqd(PARTS, **SETTINGS)


def started_anew():
    """Another dnsqd on the same socket, as s6 would start it."""
    return PARTS.serve("dnsqd", ["dnsq/dnsqd"], user="pn-dns", listener=dnsqd.listener)


def fresh():
    dnsqd.stop()
    return started_anew()


def good_question(number):
    return "a", f"h{number}.good.example"


def is_closed(stream, seconds=20):
    """Whether the other side ended it; what it had said before is read away."""
    stream.settimeout(seconds)
    try:
        while stream.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


@case(f"{HOSTS} questions at once over one connection, each with its own answer")
def _():
    with Asker() as asker:
        answers = asker.ask_all([good_question(i) for i in range(HOSTS)])
    equal([answer.records for answer in answers.values()], [[b"A192.0.2.%d" % (i % 256)] for i in range(HOSTS)])


@case("30 clients with 20 questions each")
def _():
    askers = [Asker() for _ in range(30)]
    for number in range(20):
        for i, asker in enumerate(askers):
            asker.send(*good_question(i * 20 + number), number)
    for asker in askers:
        equal(sorted(asker.next().number for _ in range(20)), list(range(20)))
        asker.socket.close()


@case("slow zones hold up nobody: 900 questions that nobody answers, and 500 others meanwhile")
def _():
    global dnsqd
    dnsqd = fresh()
    waiting = [Asker() for _ in range(9)]
    for i, asker in enumerate(waiting):
        for number in range(100):
            asker.send("a", f"slow{i * 100 + number}.{ZONE}", number)
    with Asker() as asker:
        start = time.monotonic()
        answers = asker.ask_all([good_question(i) for i in range(500)])
        took = time.monotonic() - start
        longest = 0
        for i in range(20):  # one after the other
            start = time.monotonic()
            asker.ask(*good_question(500 + i))
            longest = max(longest, time.monotonic() - start)
    equal({answer.status for answer in answers.values()}, {"found"})
    expect(took < 5 and longest < 2, f"500 answers took {took:.1f} s, one alone up to {longest:.1f} s")
    slow.let_go()
    for asker in waiting:
        equal(sorted(asker.next().number for _ in range(100)), list(range(100)))
        asker.socket.close()
    slow.hold()
    print(f"  500 answers in {took * 1000:.0f} ms beside 900 questions that waited; one alone at most {longest * 1000:.0f} ms")


@case("with more slow questions than it takes, the oldest fail and new ones are answered")
def _():
    global dnsqd
    dnsqd = fresh()
    waiting = [Asker() for _ in range(12)]
    for i, asker in enumerate(waiting):
        for number in range(100):
            asker.send("a", f"slow{i * 100 + number}.{ZONE}", number)
    with Asker() as asker:
        answers = asker.ask_all([good_question(i) for i in range(50)])
    equal({answer.status for answer in answers.values()}, {"found"})
    for asker in waiting:
        asker.socket.close()


@case("a client that has asked 100 is not read from, and loses nothing")
def _():
    global dnsqd
    dnsqd = fresh()
    with Asker() as asker, Asker(seconds=10) as other:
        asker.socket.sendall(b"".join(question("a", f"slow{i}.{ZONE}", i) if i < 100 else question(*good_question(i), i) for i in range(300)))
        equal(other.ask(*good_question(1)).status, "found", "meanwhile")
        expect(not select.select([asker.socket], [], [], 0.3)[0], "more than 100 questions are under way")
        slow.let_go()
        equal(sorted(asker.next().number for _ in range(300)), list(range(300)))
    slow.hold()


@case("100 giant answers, and a client that begins to read when all are there")
def _():
    global dnsqd
    dnsqd = fresh()
    with Asker() as asker, Asker(seconds=30) as other:
        for number in range(100):
            asker.send("txt", f"giant{number}.{ZONE}", number)
        while sum(query.is_tcp for query in hostile.asked) < 100:
            equal(other.ask(*good_question(2)).status, "found")
        answers = [asker.next() for _ in range(100)]
        equal(sorted(len(answer.records[0]) for answer in answers), [1 + 200 * 250] * 100)


def flood_of_nobody():
    """Giant answers that nobody reads: the clients that pile them up are closed."""
    held = [Asker(seconds=20) for _ in range(10)]
    for turn in range(12):
        for asker in held:
            try:
                for number in range(5):
                    asker.send("txt", f"giant{(turn * 5 + number) % 100}.{ZONE}", number)
            except OSError:
                pass


@case("users of this host who do not read their answers are closed")
def _():
    as_user(NOBODY)(flood_of_nobody)
    with Asker(seconds=30) as other:
        equal(other.ask(*good_question(2)).status, "found")
    data = int(pathlib.Path(f"/proc/{dnsqd.process.pid}/status").read_text().split("VmData:")[1].split()[0])
    expect(data < 160 * 1024, f"{data} KiB")


NONSENSE = {
    "a length of nothing": struct.pack(">I", 0),
    "a length of 4 GB": b"\xff\xff\xff\xff",
    "a length of 513": struct.pack(">I", 513) + b"Q" * 600,
    "another letter": record(b"X" + netstring(b"1") + netstring(b"1") + netstring(b"a")),
    "an answer": record(b"A" + netstring(b"1") + netstring(b"F")),
    "a type that is not served": record(b"Q" + netstring(b"1") + netstring(b"2") + netstring(b"a.example")),
    "a name in capitals": record(b"Q" + netstring(b"1") + netstring(b"1") + netstring(b"A.example")),
    "a name with a NUL": record(b"Q" + netstring(b"1") + netstring(b"1") + netstring(b"a\0b")),
    "a name with a backslash": record(b"Q" + netstring(b"1") + netstring(b"1") + netstring(b"a\\000b")),
    "a label of 64": record(b"Q" + netstring(b"1") + netstring(b"1") + netstring(b"a" * 64)),
    "something behind": record(b"Q" + netstring(b"1") + netstring(b"1") + netstring(b"a") + b"x"),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}
for what, text in NONSENSE.items():
    @case(f"nonsense ends the client that says it, and no other: {what}")
    def _():
        with Asker() as asker, Asker() as other:
            asker.socket.sendall(text)
            expect(is_closed(asker.socket), "it is still connected")
            equal(other.ask(*good_question(3)).status, "found")


@case("half a question is waited for, and a client that leaves in the middle is forgotten")
def _():
    text = question(*good_question(4), 7)
    for cut in range(1, len(text)):
        with Asker() as asker:
            asker.socket.sendall(text[:cut])
            if cut % 3 == 0:
                asker.socket.sendall(text[cut:])
                equal(asker.next().number, 7)
    with Asker() as asker:
        asker.send("a", f"slow1.{ZONE}")
    with Asker() as asker:
        equal(asker.ask(*good_question(5)).status, "found")


def clients_of_nobody():
    """10 connections are answered, and what is beyond is closed; 50 questions wait, and what is beyond waits too."""
    held = [Asker(seconds=20) for _ in range(10)]
    for asker in held:
        assert asker.ask(*good_question(6)).status == "found"
    beyond = socket.socket(socket.AF_UNIX)
    beyond.connect("run/dnsqd/s")
    assert is_closed(beyond), "an eleventh connection is served"
    for i, asker in enumerate(held[:9]):
        for number in range(10):
            asker.send("a", f"slow{1000 + i * 10 + number}.{ZONE}", number)
    held[9].send(*good_question(7))
    assert not select.select([held[9].socket], [], [], 1)[0], "more than 50 questions of one user are under way"


@case("a user of this host has 10 connections and 50 questions; Postern's own are answered meanwhile")
def _():
    global dnsqd
    dnsqd = fresh()
    as_user(NOBODY)(clients_of_nobody)
    dnsqd.wait_log(r"event=refused uid=65534 reason=too\\x20many\\x20clients\\x20of\\x20this\\x20uid")
    def own():
        with Asker(seconds=10) as asker:
            assert asker.ask(*good_question(8)).status == "found"
    as_user("pn-remote")(own)


@case("a setting that is wrong is said, and what was before goes on")
def _():
    PARTS.control("dnsforward", "nonsense\n")
    dnsqd.wait_log(r"event=settings error=control/dnsforward.* counts=what\\x20was\\x20before")
    with Asker() as asker:
        equal(asker.ask(*good_question(9)).status, "found")


@case("a setting that changes counts after what was asked is answered")
def _():
    global dnsqd
    with Asker() as asker:
        asker.send("a", f"slow1500.{ZONE}", 5)
        equal(asker.ask(*good_question(10)).status, "found")
        PARTS.control("dnsforward", "hosts\n# another\n")
        dnsqd.wait_log(r"event=stop reason=a\\x20setting\\x20changed")
        slow.let_go()
        equal(asker.next().number, 5)
        slow.hold()
        expect(is_closed(asker.socket), "it is still connected")
    equal(dnsqd.process.wait(20), 0)
    PARTS.control("dnsstub", f"{ZONE} {hostile.server}\n")
    dnsqd = started_anew()
    with Asker() as asker:
        equal(asker.ask(*good_question(11)).status, "no name")
    PARTS.control("dnsstub", SETTINGS["dnsstub"])
    dnsqd.wait_log(r"event=stop reason=a\\x20setting\\x20changed")
    equal(dnsqd.process.wait(20), 0)
    dnsqd = started_anew()


for number in (signal.SIGHUP, signal.SIGTERM):
    @case(f"{number.name} ends it in order, though somebody waits for an answer that does not come")
    def _():
        global dnsqd
        with Asker() as asker:
            asker.send("a", f"slow1600.{ZONE}")
            equal(asker.ask(*good_question(12)).status, "found")
            start = time.monotonic()
            equal(dnsqd.stop(number), 0)
            expect(time.monotonic() - start < 8, "it took too long")
        contains(dnsqd.log(), "event=stop")
        dnsqd = started_anew()


@case("it never died, and stayed within its memory")
def _():
    equal(dnsqd.process.poll(), None)
    data = int(pathlib.Path(f"/proc/{dnsqd.process.pid}/status").read_text().split("VmData:")[1].split()[0])
    expect(data < 256 * 1024, f"{data} KiB")
    expect("SIGSYS" not in dnsqd.log(), dnsqd.log())


finish()
