#!/usr/bin/env python3
"""attackers_check - run alone: `nobody` does its worst to the sockets of an instance on a small disk, and mail from the network goes on

The short version fills a disk of 256 MiB, the long one (`long`, make proof-attackers) one of 1 GiB, and streams 10 GB.
"""
import os
import pathlib
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent), str(here.parent / "e2e")]
from attack import MIB, PROOF, SECONDS, Attack, Measure, Witness  # noqa: E402  pylint: disable=wrong-import-position
from check import case, contains, equal, expect, finish, not_ok, skip  # noqa: E402  pylint: disable=wrong-import-position
from parts import envelope, frame, read_answer  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance, wait_until  # noqa: E402  pylint: disable=wrong-import-position

CONNECTIONS = 10_000
DISK = (1024 if PROOF else 256) * MIB
STREAMED = (10_000 if PROOF else 400) * MIB
PIECE = frame(b"M", b"x" * 65536)


class Disk:
    """A file system of its own, or an ordinary directory where none can be mounted (`why`)."""

    def __enter__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="postern-disk."))
        self.place.chmod(0o755)
        self.path, image = self.place / "disk", self.place / "image"
        self.path.mkdir()
        with image.open("wb") as file:
            file.truncate(DISK)
        done = [subprocess.run(words, capture_output=True, text=True, check=False)
                for words in (["mkfs.ext4", "-q", "-N", "65536", str(image)], ["mount", "-o", "loop", str(image), str(self.path)])]
        self.why = "".join(each.stderr for each in done if each.returncode)
        self.path.chmod(0o755)
        return self

    def __exit__(self, *_):
        if not self.why:
            subprocess.run(["umount", "--lazy", str(self.path)], check=False)
        shutil.rmtree(self.place, ignore_errors=True)


def connect(mail, seconds=60):
    """A connection to the public socket. Waits in the kernel while its backlog is full."""
    stream = socket.socket(socket.AF_UNIX)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds.to_bytes(8, sys.byteorder) + bytes(8))
    stream.connect(str(mail.dir / "run/queue-anyone/s"))
    return stream


def send_until_closed(stream, data):
    """False: the service has closed this connection."""
    try:
        stream.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def is_closed(stream, milliseconds=0):
    """By the service, whatever it said before; None as time waits for that."""
    poll = select.poll()  # select() ends at 1,024 descriptors
    poll.register(stream, select.POLLRDHUP)
    return bool(poll.poll(milliseconds))


def hold_connections(mail):
    """10,000 connections; those that stay open say half a message, half an envelope, half a frame, or a byte at a time."""

    def attack(tell, go_on):
        openings = (frame(b"M", b"half a message"), PIECE[:5], PIECE[:1], frame(b"M", b"x") + frame(b"E", b"o1:l,s0:,"), b"")
        streams = []
        for number in range(CONNECTIONS):
            stream = connect(mail)
            send_until_closed(stream, openings[number % len(openings)])
            streams.append(stream)
        is_closed(streams[-1], None)  # then so are all before it that were refused
        served = [stream for stream in streams if not is_closed(stream)]
        tell(f"held {len(streams)} {len(served)}")
        slowly = 0
        end = select.poll()
        end.register(go_on, select.POLLIN)
        while not end.poll(5):
            for stream in served:
                slowly += send_until_closed(stream, b"x")
        tell(f"over {slowly}")

    return attack


def huge_envelopes(mail):
    """Envelopes of 4 MiB, of more, and of the most recipients that fit, again and again."""

    def attack(tell, go_on):
        full = envelope("", [])
        recipients = b"".join(b"r18:%06d@far.example," % number for number in range((4 * MIB - 8192) // 22))
        junk = frame(b"E", b"r" * 65536)
        refused = 0
        for round_number in range(40 if PROOF else 6):
            with connect(mail) as stream:
                if round_number % 2:
                    stream.sendall(frame(b"M", b"x") + junk * 200 + frame(b"C"))
                else:
                    text = full + recipients + b"r3:b y,"
                    stream.sendall(frame(b"M", b"x") + b"".join(frame(b"E", text[at : at + 65536]) for at in range(0, len(text), 65536)) + frame(b"C"))
                letter, words = read_answer(stream)
                expect(letter == b"P", f"{letter} {words}")
                refused += 1
            tell(f"round {round_number}")
        tell(f"over {refused}")

    return attack


def send_message(mail, size, recipient):
    """(letter, words) of the answer to one message; no letter where the service closed before it gave one."""
    with connect(mail) as stream:
        for _ in range(size // 65536):
            if not send_until_closed(stream, PIECE):
                return b"", b"closed"
        send_until_closed(stream, frame(b"E", envelope("", [recipient])) + frame(b"C"))
        try:
            return read_answer(stream)
        except (EOFError, ConnectionResetError):
            return b"", b"closed"


def stream_bytes(mail):
    """Messages without end, ten half ones at a time, and whole ones that fail at once."""

    def attack(tell, go_on):
        sent = 0
        answers = {b"Y": 0, b"T": 0, b"P": 0, b"": 0}
        while sent < STREAMED:
            for size in (min(STREAMED // 3, 1000 * MIB), 40 * MIB, 40 * MIB, 40 * MIB):
                letter, _ = send_message(mail, size, "none@here.example")
                answers[letter] += 1
                sent += size if letter else 0  # else while its ten half ones were still looked at
            halves = [connect(mail) for _ in range(10)]
            for _ in range(160):  # 100 MiB in all, of the 64 that one uid may have
                for stream in halves:
                    sent += 65536 * send_until_closed(stream, PIECE)
            for stream in halves:
                stream.close()
            tell("round")
        tell(f"over {sent} {answers[b'Y']} {answers[b'T']} {answers[b'P']}")

    return attack


def fill_the_disk(mail):
    """Whole messages for another host, which stay, until no more are taken."""

    def attack(tell, go_on):
        taken = 0
        for size in (30 * MIB, MIB, 65536):
            while True:
                letter, words = send_message(mail, size, "x@far.example")
                if letter != b"Y":
                    break
                taken += 1
        tell(f"full {taken} {letter.decode()} {words.decode()}")
        os.read(go_on, 1)
        tell("over")

    return attack


with Disk() as disk:
    mail = Instance(users=("alice", "bob"))
    mail.dir.rmdir()
    mail.dir = disk.path / "instance"
    with mail:
        mail.send("alice", b"Subject: first\r\n\r\n")
        mail.wait_for_messages("alice", 1)

        @case(f"nobody holds {CONNECTIONS} connections to the public socket and writes a byte at a time: mail goes on, nobody's share is ten",
              seconds=SECONDS)
        def _():
            measure = Measure(mail)
            with Witness(mail) as witness:
                with Attack(hold_connections(mail)) as attack:
                    held, served = map(int, attack.wait("held").split())
                    witness.wait(20)
                    measure.look()
                    done = mail.inject("-f", "root@here.example", "bob@here.example", message=b"Subject: another user\n\n")
                    equal(done.returncode, 0, done.stderr)
                slowly = attack.wait("over")
            equal(held, CONNECTIONS)
            expect(1 <= served <= 10, f"{served} of them are served at once")
            expect(int(slowly) > 0, "no slow writer wrote")
            expect(measure.most["queue-inject"][3] <= 2 + 100 + 400, f"{measure.most['queue-inject'][3]} processes")
            print(f"  {held} connections, {served} of them served, {slowly} single bytes; mail meanwhile: {witness.verdict()}\n"
                  f"  {measure.verdict()}")
            mail.wait_for_messages("bob", 1)

        @case("nobody sends huge envelopes: refused, within the memory of the row, and mail goes on", seconds=SECONDS)
        def _():
            measure = Measure(mail)
            with Witness(mail) as witness:
                with Attack(huge_envelopes(mail)) as attack:
                    attack.wait("round")
                    measure.look()
                    refused = attack.wait("over")
                    measure.look()
                    witness.wait(3)
            print(f"  {refused} refused; mail meanwhile: {witness.verdict()}\n  {measure.verdict()}")

        @case(f"nobody streams {STREAMED // MIB} MiB through a disk of {DISK // MIB}: mail goes on, and nothing of it stays", seconds=SECONDS)
        def _():
            if disk.why:
                skip(f"NOT SHOWN: {disk.why}")
            measure = Measure(mail)
            with Witness(mail) as witness:
                with Attack(stream_bytes(mail)) as attack:
                    attack.wait("round")
                    measure.look()
                    sent, taken, deferred, refused = map(int, attack.wait("over").split())
                    measure.look()
                    witness.wait(3)
            expect(sent >= STREAMED, f"{sent} bytes")
            expect(deferred >= 1, f"{taken} taken, {deferred} deferred, {refused} refused")
            equal(refused, 0, "refused for good")
            print(f"  {sent // MIB} MiB, messages without end or whole: {taken} taken, {deferred} deferred; mail meanwhile: {witness.verdict()}\n"
                  f"  {measure.verdict()}")
            mail.wait_for_empty_queue()
            wait_until(lambda: not os.listdir(mail.dir / "queue/tmp"), [mail.dir / "queue/tmp"], what="queue/tmp with nothing in it")

        @case(f"nobody fills a disk of {DISK // MIB} MiB with mail that stays: mail is accepted or deferred, and accepted when there is room", seconds=SECONDS)
        def _():
            if disk.why:
                skip(f"NOT SHOWN: {disk.why}")
            paused = mail.run("queue", "pause", "far.example")  # else what bounced would make room meanwhile
            equal(paused.returncode, 0, paused.stderr)
            with Witness(mail) as witness:
                with Attack(fill_the_disk(mail)) as attack:
                    taken, letter, words = attack.wait("full").split(" ", 2)
                    witness.wait(10)
                    equal(witness.deferred, [], "while only local users have filled the disk")
                    filler = mail.dir / "home/filler"
                    space = os.statvfs(mail.dir)
                    with filler.open("wb") as file:  # somebody else leaves 2 per cent
                        os.posix_fallocate(file.fileno(), 0, (space.f_bavail - space.f_blocks // 50) * space.f_frsize)
                    witness.wait(10)
                    expect(witness.deferred, "a full disk, and nothing deferred")
                    filler.unlink()
                    for path in mail.dir.glob("queue/todo/*/*"):  # the operator
                        if path.stat().st_size > 65536:
                            path.unlink()
                    witness.wait(3)
            equal(letter, "T", words)
            contains(words, "4.3.1")
            print(f"  {taken} messages taken, then {words}; mail meanwhile: {witness.verdict()}")

        public = ("dnsqd", "queue-anyone")  # who may speak to them: everybody

        @case("nobody reaches no socket but the two public ones, and no FIFO")
        def _():
            def attack(tell, go_on):
                wrong = []
                os.chdir(mail.dir)
                for folder in sorted(os.listdir("run")):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        with socket.socket(socket.AF_UNIX, kind) as stream:
                            try:
                                stream.connect(f"run/{folder}/s")
                                outcome = "open"
                            except OSError as error:
                                outcome = type(error).__name__
                        wanted = "PermissionError" if folder not in public else "open" if kind == socket.SOCK_STREAM else "OSError"
                        if folder != "stopped" and outcome != wanted:
                            wrong.append(f"{folder}: {outcome}")
                for flags in (os.O_WRONLY, os.O_RDONLY, os.O_RDWR):
                    try:
                        os.open("run/queue-send/trigger", flags | os.O_NONBLOCK)
                        wrong.append("trigger")
                    except PermissionError:
                        pass
                for folder in ("queue", "state", "home/alice", "log/queue-send", "run/queue-trusted", "run/fdholder"):
                    try:
                        wrong.append(f"{folder}: {os.listdir(folder)}")
                    except PermissionError:
                        pass
                tell(f"over {len(os.listdir('run'))} {wrong}")

            with Attack(attack) as process:
                pass
            count, wrong = process.wait("over").split(" ", 1)
            expect(int(count) >= 7, f"{count} services")
            equal(wrong, "[]")

        @case("nothing below an instance may be written by everybody but its public sockets")
        def _():
            found, seen = [], 0
            for folder, _, names in os.walk(mail.dir):
                for name in (".", *names):
                    path = pathlib.Path(folder, name)
                    try:
                        mode = path.lstat().st_mode
                    except FileNotFoundError:
                        continue  # a temporary file of a service
                    seen += 1
                    if mode & stat.S_IWOTH and not stat.S_ISLNK(mode):
                        found.append(str(path.relative_to(mail.dir)))
            expect(seen > 1100, f"{seen} names")
            equal(sorted(found), [f"run/{folder}/s" for folder in public])

if PROOF and subprocess.run([str(here / "strangers_check.py"), "long"], check=False).returncode != 0:
    not_ok("the strangers' long version", "a case above failed")
finish()
