#!/usr/bin/env python3
"""local-spawn (as root) and local (as the mailbox's uid): orders in, Maildirs and outcomes out, and what each survives."""
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import Parts, as_user, envelope, inject, netstring, read_record, record, take_fields  # noqa: E402

MESSAGE = b"Subject: hello\n\nbody\n.\n\0 NUL and 8-bit \xff\n"


def local_processes():
    """pids of running `local`s"""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "local" and parts.path in os.readlink(f"/proc/{pid}/exe"):
                found.append(int(pid))
        except OSError:
            pass
    return found


class Sender:
    """queue-send, as far as local-spawn sees it."""

    def __init__(self, is_empty=True):
        self.stream = parts.connect("local-spawn")
        self.greeting = []
        while True:
            letter, fields = take_fields(read_record(self.stream))
            if letter == b"A":
                break
            self.greeting.append((letter, fields))
        if is_empty:
            equal(self.greeting, [], "what a fresh spawner knows")

    def order(self, name, recipient=None, index=0, path=None, identity=None):
        identity = identity or message_id
        recipient = recipient or f"{name}@mini.example"
        body = b"L" + netstring(identity) + netstring(b"%d" % index) + netstring(name.encode()) + netstring(recipient.encode())
        with open(path or parts.queued()[identity.decode()], "rb") as file:
            socket.send_fds(self.stream, [record(body)], [file.fileno()])

    def outcome(self):
        letter, fields = take_fields(read_record(self.stream))
        return letter.decode(), fields[2].decode()

    def deliver(self, name, **more):
        self.order(name, **more)
        return self.outcome()

    def forget(self, index=0):
        self.stream.sendall(record(b"F" + netstring(message_id) + netstring(b"%d" % index)))


def as_sender(function):
    as_user("pn-send")(function)


class Stage:
    """queue-send's part in a process of its own; where it meets us, root does something to the running `local`s."""

    def __init__(self, talk):
        self.here, there = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.here.close()

            def meet():
                there.sendall(b"x")
                there.recv(1)

            try:
                as_sender(lambda: talk(meet))
            except BaseException as error:  # pylint: disable=broad-except
                there.sendall(f" {error}".encode())
            os._exit(0)
        there.close()
        self.here.settimeout(20)

    def __enter__(self):
        self.wait()
        return self

    def wait(self):
        answer = self.here.recv(4096)
        expect(answer == b"x", answer.decode())

    def go_on(self):
        self.here.sendall(b"x")
        self.wait()

    def signal_locals(self, number):
        pids = local_processes()
        expect(pids, "no local is running")
        for pid in pids:
            os.kill(pid, number)

    def __exit__(self, kind, *_):
        if kind is None:
            self.here.sendall(b"x")
            trouble = self.here.recv(4096)
            expect(trouble == b"", trouble.decode())
        self.here.close()
        os.waitpid(self.pid, 0)


def new_messages(home):
    folder = f"{home}/Maildir/new"
    return [open(f"{folder}/{name}", "rb").read() for name in sorted(os.listdir(folder))]


with Parts() as parts:
    alice = parts.user("alice", dash="+")
    bob = parts.user("bob", dash="-")
    bare = parts.user("bare", with_maildir=False)
    parts.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
    local = parts.program("local/local")
    spawner = parts.serve("local-spawn", ["local/local-spawn", local])
    with parts.connect("queue-anyone") as connection:
        message_id = inject(connection, MESSAGE, envelope("me@x.example", ["alice@mini.example"]))[1]

    @case("a message lies in new/, whole, behind Return-Path, Delivered-To and Received")
    def _():
        as_sender(lambda: equal(Sender().deliver("alice"), ("K", "2.0.0 delivered to Maildir")))
        (text,) = new_messages(alice)
        expect(text.startswith(b"Return-Path: <me@x.example>\nDelivered-To: alice@mini.example\nReceived: "), text[:100])
        expect(text.endswith(b"\n" + MESSAGE), text)
        equal(os.listdir(f"{alice}/Maildir/tmp"), [])
        status = os.stat(f"{alice}/Maildir/new/" + os.listdir(f"{alice}/Maildir/new")[0])
        equal((status.st_uid, status.st_mode & 0o777), (parts.mailboxes["alice"][0], 0o600))

    @case("a sub-address goes to the mailbox, an extension without instructions does not exist")
    def _():
        def talk():
            sender = Sender(is_empty=False)
            equal(sender.deliver("alice+shop")[0], "K")
            equal(sender.deliver("bob-shop"), ("D", "5.1.1 no mailbox here by that name"))
            equal(sender.deliver("nobody-here"), ("D", "5.1.1 no mailbox here by that name"))
            equal(sender.deliver("bob")[0], "K")

        as_sender(talk)

    @case("the same mailbox is served by the same local for a second, another by another")
    def _():
        def talk():
            sender = Sender(is_empty=False)
            for _ in range(3):
                equal(sender.deliver("alice")[0], "K")
            sender.deliver("bob")

        as_sender(talk)
        names = [name.split("P")[1].split("Q")[0] for name in os.listdir(f"{alice}/Maildir/new")]
        expect(len(set(names)) < len(names), f"every delivery had a process of its own: {names}")

    @case("a home that others may write to, a missing Maildir, unread instructions: the mail waits and the reason is said")
    def _():
        def outcome_of(name):
            out = []
            read, write = os.pipe()
            as_sender(lambda: os.write(write, repr(Sender(is_empty=False).deliver(name)).encode()))
            return eval(os.read(read, 1000))  # pylint: disable=eval-used

        letter, text = outcome_of("bare")
        equal(letter, "Z")
        contains(text, "4.2.1 no Maildir here; make one with maildirmake")
        os.chmod(bob, 0o770)
        letter, text = outcome_of("bob")
        os.chmod(bob, 0o700)
        equal((letter, text), ("Z", "4.2.1 the home is writable by others; chmod go-w it"))
        with open(f"{bob}/.qmail", "w") as file:
            file.write("&someone@else.example\n")
        letter, text = outcome_of("bob")
        os.unlink(f"{bob}/.qmail")
        equal(letter, "Z")
        contains(text, "4.3.5")
        contains(text, ".qmail")

    @case("a Maildir that is a symbolic link is not followed")
    def _():
        os.rename(f"{bob}/Maildir", f"{bob}/Mail2")
        os.symlink(f"{bob}/Mail2", f"{bob}/Maildir")
        as_sender(lambda: equal(Sender(is_empty=False).deliver("bob")[0], "Z"))
        os.unlink(f"{bob}/Maildir")
        os.rename(f"{bob}/Mail2", f"{bob}/Maildir")

    @case("a message that was here before loops and fails for good")
    def _():
        with parts.connect("queue-anyone") as connection:
            name = inject(connection, b"Delivered-To: alice@mini.example\n\nx\n", envelope("me@x.example", ["alice@mini.example"]))[1]
        as_sender(lambda: contains(" ".join(Sender(is_empty=False).deliver("alice", identity=name)), "D 5.4.6"))

    @case("a damaged message is never delivered: frame, envelope, body")
    def _():
        whole = open(parts.queued()[message_id.decode()], "rb").read()
        before = len(new_messages(alice))
        for at in (30, 79, 85, len(whole) - 3):
            damaged = bytearray(whole)
            damaged[at] ^= 1
            path = os.path.join(parts.path, "damaged")
            with open(path, "wb") as file:
                file.write(damaged)
            os.chmod(path, 0o644)
            as_sender(lambda: equal(Sender(is_empty=False).deliver("alice", path=path)[0], "Z", f"byte {at}"))
        as_sender(lambda: equal(Sender(is_empty=False).deliver("alice", path="/dev/null")[0], "Z", "no file"))
        equal(len(new_messages(alice)), before)
        equal(os.listdir(f"{alice}/Maildir/tmp"), [])

    @case("only queue-send may ask")
    def _():
        def talk():
            stream = parts.connect("local-spawn")
            equal(stream.recv(1), b"")

        as_user("nobody")(talk)
        with parts.connect("local-spawn") as stream:
            equal(stream.recv(1), b"", "root")

    @case("nonsense from queue-send ends its connection, and the next one is served")
    def _():
        def talk():
            for nonsense in (b"\0\0\0\0", b"\xff\xff\xff\xff", record(b"L"), record(b"L5:xxxxx,"), record(b"Q"),
                             record(b"L" + netstring(message_id) + netstring(b"0") + netstring(b"alice") + netstring(b"a@b"))):  # no descriptor
                sender = Sender(is_empty=False)
                sender.stream.sendall(nonsense)
                equal(sender.stream.recv(1), b"", repr(nonsense))
            equal(Sender(is_empty=False).deliver("alice")[0], "K")

        as_sender(talk)

    @case("an outcome is told again to the next queue-send until it is forgotten")
    def _():
        def talk():
            first = Sender(is_empty=False)
            for index in range(30):  # forget all that the cases above left
                first.forget(index)
            equal(first.deliver("alice", index=7)[0], "K")
            first.stream.close()
            second = Sender(is_empty=False)
            expect(any(letter == b"K" and fields[1] == b"7" for letter, fields in second.greeting), second.greeting)
            second.forget(7)
            second.stream.close()
            expect(all(fields[1] != b"7" for _, fields in Sender(is_empty=False).greeting), "it was not forgotten")

        as_sender(talk)

    @case("a delivery under way while queue-send is away is told as running, then its outcome comes")
    def _():
        def talk(meet):
            first = Sender(is_empty=False)
            equal(first.deliver("alice", index=8)[0], "K")
            meet()  # now it is stopped
            first.order("alice", index=9)
            first.stream.close()
            second = Sender(is_empty=False)
            expect((b"R", [message_id, b"9"]) in second.greeting, second.greeting)
            meet()  # now it goes on
            letter, fields = take_fields(read_record(second.stream))
            equal((letter, fields[1]), (b"K", b"9"))

        with Stage(talk) as stage:
            stage.signal_locals(signal.SIGSTOP)
            stage.go_on()
            stage.signal_locals(signal.SIGCONT)

    @case("a local that is killed is a deferral, and the next delivery gets a new one")
    def _():
        def talk(meet):
            sender = Sender(is_empty=False)
            equal(sender.deliver("alice", index=10)[0], "K")
            meet()  # now it is stopped
            sender.order("alice", index=11)
            meet()  # now it is dead
            letter, text = sender.outcome()
            equal(letter, "Z")
            contains(text, "4.3.0")
            equal(sender.deliver("alice", index=12)[0], "K")

        with Stage(talk) as stage:
            stage.signal_locals(signal.SIGSTOP)
            stage.go_on()
            stage.signal_locals(signal.SIGKILL)

    @case("by hand in a shell: the queue file on descriptor 0")
    def _():
        import subprocess

        uid, home, _ = parts.mailboxes["alice"]
        before = len(new_messages(alice))
        with open(parts.queued()[message_id.decode()], "rb") as file:
            done = subprocess.run([local, "alice@mini.example"], stdin=file, cwd=home, user=uid, group=uid, extra_groups=[], capture_output=True)
        equal((done.returncode, done.stderr), (0, b""))
        equal(len(new_messages(alice)), before + 1)
        with open("/dev/null", "rb") as file:
            done = subprocess.run([local, "alice@mini.example"], stdin=file, cwd=home, user=uid, group=uid, extra_groups=[], capture_output=True)
        equal(done.returncode, 100)

    @case("told to stop, it leaves")
    def _():
        equal(spawner.stop(), 0)


finish()
