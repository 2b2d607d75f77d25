#!/usr/bin/env python3
"""countd as a process of its own: who may ask, whose counts are whose, and what floods of keys, connections and nonsense do"""
import atexit
import os
import pathlib
import select
import signal
import socket
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, as_user, netstring, read_record, record, take_fields  # noqa: E402

if os.geteuid() != 0:
    @case("countd counts")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

parts = Parts().__enter__()
atexit.register(parts.__exit__)
SERVICE = parts.serve("countd", ["auth/countd"], user="pn-count")
KEYS_OF_ONE = 16384


def numbers(*values):
    return b"".join(netstring(b"%d" % value) for value in values)


def take(key, amount=1, minute=0, hour=0, day=0):
    return record(b"T" + netstring(key) + numbers(amount, minute, hour, day))


def give_back(key, amount):
    return record(b"G" + netstring(key) + numbers(amount))


def query(key):
    return record(b"Q" + netstring(key))


def answer(stream):
    letter, (minute, hour, day, first) = take_fields(read_record(stream))
    return letter.decode(), int(minute), int(hour), int(day), first.decode()


def ask(stream, request):
    stream.sendall(request)
    return answer(stream)


def asked_as(user, function):
    """function(stream), as that user"""
    def run():
        with parts.connect("countd") as stream:
            function(stream)
    as_user(user)(run)


def memory():
    """kB of a process that are its own"""
    with open(f"/proc/{SERVICE.process.pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Clean", "Private_Dirty")))


@case("countd counts, refuses what is too much, says so once, and takes back")
def _():
    def run(stream):
        equal(ask(stream, take(b"k", 2, hour=3)), ("Y", 2, 2, 2, ""))
        equal(ask(stream, take(b"k", 2, hour=3)), ("N", 2, 2, 2, "f"))
        equal(ask(stream, take(b"k", 2, hour=3)), ("N", 2, 2, 2, ""))
        equal(ask(stream, give_back(b"k", 1)), ("Y", 1, 1, 1, ""))
        equal(ask(stream, take(b"k", 2, hour=3)), ("Y", 3, 3, 3, ""))
        equal(ask(stream, query(b"k")), ("Y", 3, 3, 3, ""))
        equal(ask(stream, query(b"other")), ("Y", 0, 0, 0, ""))
    asked_as("pn-smtp", run)


@case("many questions in one write are answered in their order, however they are cut")
def _():
    def run(stream):
        many = b"".join(take(b"many") for _ in range(60))
        stream.sendall(many)
        equal([answer(stream)[3] for _ in range(60)], list(range(1, 61)))
        for byte in take(b"many"):
            stream.sendall(bytes([byte]))
        equal(answer(stream)[3], 61)
    asked_as("pn-smtp", run)


@case("each user that asks has counts of his own")
def _():
    for user in ("pn-smtp", "pn-submit", "pn-login", "pn-auth"):
        asked_as(user, lambda stream: equal(ask(stream, take(b"same", 5)), ("Y", 5, 5, 5, "")))
    asked_as("pn-auth", lambda stream: equal(ask(stream, take(b"same", 1)), ("Y", 6, 6, 6, "")))
    asked_as("pn-login", lambda stream: equal(ask(stream, query(b"same")), ("Y", 5, 5, 5, "")))


@case("others are not answered, root neither")
def _():
    def run(stream):
        try:
            stream.sendall(query(b"same"))
            equal(stream.recv(100), b"")
        except ConnectionError:
            pass
    for user in ("pn-queue", "pn-count", "nobody", 0):
        asked_as(user, run)
    contains(SERVICE.log(), "refused")


@case("nonsense ends its own connection and nobody else's")
def _():
    def run(stream):
        equal(ask(stream, take(b"before")), ("Y", 1, 1, 1, ""))
        for nonsense in (record(b"X"), record(b"T"), b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", 1025) + b"Q" * 1025,
                         record(b"Q" + netstring(b"k" * 513)), record(b"T" + netstring(b"k") + numbers(10**10, 0, 0, 0))):
            with parts.connect("countd") as other:
                other.sendall(nonsense)
                try:
                    equal(other.recv(100), b"", repr(nonsense[:20]))
                except ConnectionError:
                    pass
        equal(ask(stream, take(b"before")), ("Y", 2, 2, 2, ""))
    asked_as("pn-smtp", run)


@case("who does not read his answers is closed, and countd goes on")
def _():
    def run(stream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with parts.connect("countd") as deaf:
            deaf.setblocking(False)
            question = query(b"same") * 40
            for _ in range(100_000):
                try:
                    deaf.send(question)
                except BlockingIOError:
                    if not select.select([], [deaf], [], 20)[1]:
                        raise AssertionError("it neither reads nor closes") from None
                except ConnectionError:
                    break
            else:
                raise AssertionError("it takes questions for ever")
        equal(ask(stream, query(b"before"))[0], "Y")
    asked_as("pn-smtp", run)


@case("one user's connections end at 1000; another's are served meanwhile")
def _():
    def hold():
        streams = [parts.connect("countd") for _ in range(1000)]
        equal(ask(streams[-1], query(b"x"))[0], "Y")
        equal(parts.connect("countd").recv(1), b"")
        reader.send(b"r")
        reader.recv(1)

    reader, writer = socket.socketpair()
    holder = os.fork()
    if holder == 0:
        code = 1
        try:
            writer.close()
            as_user("pn-smtp")(hold)
            code = 0
        finally:
            os._exit(code)
    reader.close()
    equal(writer.recv(1), b"r", "1000 connections, and no more")
    asked_as("pn-auth", lambda stream: equal(ask(stream, query(b"same"))[2:], (6, 6, "")))  # of hour and day: a minute may have passed
    writer.close()
    equal(os.waitpid(holder, 0)[1], 0)


@case("a flood of keys of one user takes no count of another's, no more memory than its share, and not what it counted often", seconds=240)
def _():
    def flood(stream):
        for _ in range(20):
            ask(stream, take(b"guesser", 10))
        for start in range(0, 3 * KEYS_OF_ONE, 64):
            stream.sendall(b"".join(take(b"%d-" % key + b"k" * 500) for key in range(start, start + 64)))
            for _ in range(64):
                answer(stream)
        equal(ask(stream, query(b"guesser"))[2:], (200, 200, ""))
    asked_as("pn-login", flood)
    first = memory()
    asked_as("pn-login", lambda stream: [ask(stream, take(b"%d+" % key + b"q" * 500)) for key in range(2000)])
    expect(memory() <= first + 200, lambda: f"{first} kB, then {memory()} kB")
    expect(first < 40_000, f"{first} kB for {KEYS_OF_ONE} keys")
    asked_as("pn-auth", lambda stream: equal(ask(stream, query(b"same"))[2:], (6, 6, "")))  # of hour and day: a minute may have passed
    print(f"  {KEYS_OF_ONE} keys of 500 bytes: {first} kB in all", flush=True)


@case("countd is one process and opened nothing")
def _():
    pid = SERVICE.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        equal(children.read(), "")
    held = {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
    expect(held <= {"socket", "anon_inode", f"{parts.path}/log/countd"}, sorted(held))
    equal([line for line in open(f"/proc/{pid}/status") if line.startswith("Seccomp:")], ["Seccomp:\t2\n"])


@case("told to stop it leaves; started anew it counts from nothing")
def _():
    equal(SERVICE.stop(signal.SIGTERM), 0)
    parts.serve("countd", ["auth/countd"], user="pn-count", listener=SERVICE.listener)
    asked_as("pn-auth", lambda stream: equal(ask(stream, query(b"same")), ("Y", 0, 0, 0, "")))


finish()
