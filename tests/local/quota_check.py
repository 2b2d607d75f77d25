#!/usr/bin/env python3
"""A mailbox's quota as local-spawn and local keep it: what fits is delivered, the rest waits, and whatever the owner puts in place of
maildirsize is neither followed nor waited for"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, as_user, envelope, inject, netstring, read_record, record, take_fields  # noqa: E402

if os.getuid() != 0:
    case("quotas")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()
FULL = ["Z", "4.2.2 mailbox full"]
OLD = 16 * 60  # seconds: more than what is known of a full mailbox counts for


class Mailbox:
    """One of its own for each case."""

    count = 0

    def __init__(self, *quota):
        Mailbox.count += 1
        self.name = f"box{Mailbox.count}"
        user("add", self.name)
        self.home = f"{parts.path}/home/{self.name}"
        self.sizes, self.flag = f"{self.home}/Maildir/maildirsize", f"{parts.path}/users/full/{self.name}"
        status = os.stat(self.home)
        self.uid, self.gid = status.st_uid, status.st_gid
        if quota:
            user("quota", self.name, *map(str, quota))

    def files(self):
        return [f"{self.home}/Maildir/{folder}/{name}" for folder in ("new", "cur") for name in sorted(os.listdir(f"{self.home}/Maildir/{folder}"))]

    def bytes(self):
        return sum(os.path.getsize(path) for path in self.files())

    def noted(self):
        """The first line of maildirsize, and the sums of the others."""
        first, *lines = read(self.sizes).splitlines()
        pairs = [tuple(map(int, line.split())) for line in lines]
        return first, sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

    def deliver(self, *messages):
        """Outcomes of these queue files, all sent at once."""
        return deliveries([(self.name, message) for message in messages])

    def as_owner(self, function):
        as_user(self.uid)(function)

    def show(self):
        return json.loads(user("quota", self.name, "--json"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def user(*words):
    done = subprocess.run([parts.program("tools/user"), *words], env={"POSTERN_DIR": parts.path}, capture_output=True, text=True, check=False)
    equal((done.returncode, done.stderr), (0, ""), " ".join(words))
    return done.stdout


def queue_message(size):
    """A queue file whose delivery takes about `size` bytes."""
    with parts.connect("queue-anyone") as connection:
        text = b"Subject: x\n\n" + b"x" * 60 + b"\n"
        while len(text) < size - 300:
            text += (b"y" * 70 + b"\n")[: max(2, size - 300 - len(text))]
        letter, identity = inject(connection, text, envelope("me@x.example", ["alice@mini.example"]))
    equal(letter, b"Y")
    return identity


def deliveries(orders):
    """[(mailbox, queue file)] to [[letter, text]], in that order; one queue-send that sends them all and then listens."""
    reader, writer = os.pipe()
    base = deliveries.next
    deliveries.next += len(orders)

    def talk():
        stream = parts.connect("local-spawn")
        while take_fields(read_record(stream))[0] != b"A":
            pass
        for index, (name, identity) in enumerate(orders):
            body = b"L" + netstring(identity) + netstring(b"%d" % (base + index)) + netstring(name.encode()) + netstring(f"{name}@mini.example".encode())
            with open(parts.queued()[identity.decode()], "rb") as file:
                socket.send_fds(stream, [record(body)], [file.fileno()])
        outcomes = {}
        while len(outcomes) < len(orders):
            letter, fields = take_fields(read_record(stream))
            key = int(fields[1])
            outcomes[key] = [letter.decode(), fields[2].decode()]
            stream.sendall(record(b"F" + netstring(fields[0]) + netstring(fields[1])))
        os.write(writer, json.dumps([outcomes[base + index] for index in range(len(orders))]).encode())

    as_user("pn-send")(talk)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        return json.loads(pipe.read())


deliveries.next = 0
DELIVERED = ["K", "2.0.0 delivered to Maildir"]

with Parts() as parts:
    parts.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
    local = parts.program("local/local")
    spawner = parts.serve("local-spawn", ["local/local-spawn", local])
    small, large = queue_message(1000), queue_message(20000)
    probe = Mailbox()
    equal(probe.deliver(small, large), [DELIVERED, DELIVERED])
    SMALL, LARGE = sorted(os.path.getsize(path) for path in probe.files())
    SMALL, LARGE = SMALL + 1, LARGE + 1  # other mailboxes' names may be a digit longer; what follows leaves that room

    @case("without a quota there is no maildirsize, and local makes no call more")
    def _():
        expect(not os.path.exists(probe.sizes) and not os.path.exists(probe.flag), "files of a quota")
        if not shutil.which("strace"):
            skip("NOT SHOWN: strace is not here")
        calls = {}
        for name, environment in (("without", {}), ("first", {"QUOTA": "1000000:0", "FULL": probe.flag}), ("with", {"QUOTA": "1000000:0", "FULL": probe.flag})):
            log = f"{parts.path}/trace.{name}"
            become = ["setpriv", f"--reuid={probe.uid}", f"--regid={probe.gid}", "--clear-groups"]
            with open(parts.queued()[small.decode()], "rb") as file:
                done = subprocess.run(["strace", "-o", log, *become, local, f"{probe.name}@mini.example"], stdin=file, cwd=probe.home,
                                      env={**environment, "PATH": os.environ["PATH"]}, check=False, capture_output=True)
            equal((done.returncode, done.stderr), (0, b""), name)
            text = read(log)
            calls[name] = text[text.rindex("execve(") :].splitlines()
        expect(not [line for line in calls["without"] if "maildirsize" in line or "users/full" in line], "quota calls without a quota")
        numbers = {name: len(lines) for name, lines in calls.items()}
        print(f"# calls of one delivery by hand: {numbers['without']} without a quota, {numbers['with']} with one, {numbers['first']} with a new one")
        expect(numbers["without"] < numbers["with"] < numbers["first"], "the traces show something else")
        os.unlink(probe.sizes)

    @case("what fits is delivered and noted; a full mailbox waits and says so; what still fits comes in, and it is not full any more")
    def _():
        box = Mailbox(LARGE + 2 * SMALL)
        equal((os.stat(box.flag).st_uid, os.stat(box.flag).st_mode & 0o7777, os.path.getsize(box.flag)), (box.uid, 0o644, 0))
        equal(box.deliver(large), [DELIVERED])
        equal(box.noted(), (f"{LARGE + 2 * SMALL}S", box.bytes(), 1))
        equal(box.deliver(large), [FULL])
        room = LARGE + 2 * SMALL - box.bytes()
        equal(read(box.flag), f"{room}\n")
        expect(re.search(rf"event=over-quota user={box.name} size=\d+ bytes={box.bytes()} limit={LARGE + 2 * SMALL} ", spawner.log()), spawner.log())
        equal(box.show(), {"user": box.name, "bytes": box.bytes(), "messages": 1, "limit-bytes": LARGE + 2 * SMALL, "limit-messages": 0, "full": True})
        equal(box.deliver(small), [DELIVERED])
        equal(read(box.flag), "")
        equal(box.noted()[1:], (box.bytes(), 2))
        equal(len(box.files()), 2)
        equal(os.listdir(f"{box.home}/Maildir/tmp"), [])

    @case("a message that is larger than the whole mailbox may be fails for good")
    def _():
        box = Mailbox(LARGE // 2)
        equal(box.deliver(large), [["D", "5.2.3 the message is larger than this mailbox may hold"]])
        equal(box.deliver(small), [DELIVERED])
        equal(read(box.flag), "")

    @case("messages are counted too, and a mailbox that the last one filled is full at once")
    def _():
        box = Mailbox(0, 2)
        equal(box.deliver(small), [DELIVERED])
        equal(read(box.flag), "")
        equal(box.deliver(small), [DELIVERED])
        equal(read(box.flag), "0\n")
        equal(box.deliver(small), [FULL])
        equal(box.noted(), ("2C", box.bytes(), 2))

    @case("30 deliveries at once to each of three mailboxes: as many as fit are delivered, neither more nor fewer")
    def _():
        boxes = [Mailbox(7 * SMALL), Mailbox(1_000_000, 7), Mailbox(7 * SMALL)]
        boxes[2].deliver(small)
        outcomes = deliveries([(box.name, small) for _ in range(30) for box in boxes])
        for place, (box, more) in enumerate(zip(boxes, (7, 7, 6))):
            own = outcomes[place::3]
            equal((own.count(DELIVERED), own.count(FULL)), (more, 30 - more))
            equal(len(box.files()), 7)
            equal(box.noted()[1:], (box.bytes(), 7))

    @case("who removed mail by hand gets mail again when what is known is 15 minutes old")
    def _():
        box = Mailbox(0, 3)
        equal(box.deliver(small, small, small), [DELIVERED] * 3)
        for path in box.files():
            os.unlink(path)
        equal(box.deliver(small), [FULL])  # it is still believed
        os.utime(box.sizes, (time.time() - OLD, time.time() - OLD))
        equal(box.deliver(small), [DELIVERED])
        equal((read(box.flag), box.noted()), ("", ("3C", box.bytes(), 1)))
        equal(box.deliver(small, small), [DELIVERED] * 2)
        box.as_owner(lambda: os.utime(box.sizes, (time.time() + OLD, time.time() + OLD)))  # of tomorrow: believed not at all
        os.unlink(box.files()[0])
        equal(box.deliver(small), [DELIVERED])

    @case("another limit, a file of more than 5120 bytes, and mail in other folders: counted anew")
    def _():
        box = Mailbox(1_000_000)
        equal(box.deliver(small), [DELIVERED])
        write(box.sizes, "2000000S\n999 99\n")
        equal(box.deliver(small), [DELIVERED])
        equal(box.noted(), ("1000000S", box.bytes(), 2))
        write(box.sizes, "1000000S\n" + "1 0\n" * 1300)
        equal(box.deliver(small), [DELIVERED])
        equal(box.noted(), ("1000000S", box.bytes(), 3))

        def make_folder():
            os.makedirs(f"{box.home}/Maildir/.Old/cur")
            write(f"{box.home}/Maildir/.Old/cur/1.a.h,S=990000,W=990001:2,S", "as its name says")
            write(f"{box.home}/Maildir/.Old/cur/2.a.h:2,S", "x" * 100)

        box.as_owner(make_folder)
        user("quota", box.name, "1000000")  # the same again: nothing that was noted is believed
        equal(box.deliver(large), [FULL])
        equal(box.noted(), ("1000000S", box.bytes() + 990100, 5))

    @case("whatever the owner puts in place of maildirsize is not followed, not waited for, and replaced")
    def _():
        victim = f"{parts.path}/victim"
        write(victim, "1000000S\n0 0\n")
        os.chmod(victim, 0o666)
        box = Mailbox(1_000_000)

        def sparse():
            write(box.sizes, "1000000S\n")
            os.truncate(box.sizes, 1 << 40)

        def closed(text):
            write(box.sizes, text)
            os.chmod(box.sizes, 0)

        tricks = {
            "a FIFO": lambda: os.mkfifo(box.sizes),
            "a link out": lambda: os.symlink(victim, box.sizes),
            "a link that ends nowhere": lambda: os.symlink(f"{box.home}/made", box.sizes),
            "a link to a device": lambda: os.symlink("/dev/zero", box.sizes),
            "a socket": lambda: socket.socket(socket.AF_UNIX).bind(os.path.relpath(box.sizes)),
            "a terabyte": sparse,
            "nothing in it": lambda: write(box.sizes, ""),
            "half a line": lambda: write(box.sizes, "1000000S\n5 1"),
            "less than nothing": lambda: write(box.sizes, "1000000S\n-5000000 -100\n"),
            "numbers beyond all": lambda: write(box.sizes, f"1000000S\n{10 ** 30} 1\n"),
            "bytes": lambda: write(box.sizes, "\0\x01\x7f" * 100),
            "a file that nobody may open": lambda: closed("1000000S\n5 1\n"),
        }
        for number, (name, trick) in enumerate(tricks.items(), 1):
            if os.path.lexists(box.sizes):
                os.unlink(box.sizes)
            os.chdir(f"{box.home}/Maildir")
            box.as_owner(trick)
            os.chdir(parts.path)
            equal(box.deliver(small), [DELIVERED], name)
            equal(box.noted(), ("1000000S", box.bytes(), number), name)
            expect(os.path.isfile(box.sizes) and not os.path.islink(box.sizes), name)
        equal(read(victim), "1000000S\n0 0\n")
        expect(not os.path.exists(f"{box.home}/made"), "a link was followed")

    @case("where it cannot be replaced, every delivery counts, and the limit holds")
    def _():
        box = Mailbox(0, 2)
        box.as_owner(lambda: os.makedirs(f"{box.sizes}/inside"))
        equal(box.deliver(small), [DELIVERED])
        equal(box.deliver(small), [DELIVERED])
        equal(box.deliver(small), [FULL])
        contains(spawner.log(), f"event=maildirsize user={box.name} error=")
        equal(len(box.files()), 2)

    @case("what a killed delivery had reserved is too much until it is counted, and never too little")
    def _():
        box = Mailbox(0, 2)
        equal(box.deliver(small), [DELIVERED])
        with open(box.sizes, "a", encoding="ascii") as file:
            file.write(f"{SMALL} 1\n")  # what such a one leaves
        equal(box.deliver(small), [FULL])
        os.utime(box.sizes, (time.time() - OLD, time.time() - OLD))
        equal(box.deliver(small), [DELIVERED])
        equal(len(box.files()), 2)

    @case("what is not delivered gives its room back")
    def _():
        box = Mailbox(0, 5)
        equal(box.deliver(small), [DELIVERED])
        os.chmod(f"{box.home}/Maildir/new", 0o500)
        (outcome,) = box.deliver(small)
        os.chmod(f"{box.home}/Maildir/new", 0o700)
        equal(outcome[0], "Z")
        equal(box.noted(), ("5C", box.bytes(), 1))
        equal(os.listdir(f"{box.home}/Maildir/tmp"), [])

    @case("a quota that is given, raised and taken away counts for the next delivery")
    def _():
        box = Mailbox()
        equal(box.deliver(large), [DELIVERED])
        user("quota", box.name, str(LARGE))
        equal(box.deliver(small), [FULL])
        user("quota", box.name, str(LARGE + 2 * SMALL))
        equal(read(box.flag), "")
        equal(box.deliver(small), [DELIVERED])
        user("quota", box.name, "none")
        expect(not os.path.exists(box.flag), "users/full still has its file")
        equal(box.deliver(large, large), [DELIVERED] * 2)
        user("quota", box.name, str(LARGE + 2 * SMALL))
        equal(box.deliver(small), [FULL])  # what came meanwhile was counted


finish()
