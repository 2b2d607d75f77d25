#!/usr/bin/env python3
"""queue-inject as a real process, as pn-queue and confined: what it takes, from whom, and what it leaves behind."""
import os
import pathlib
import signal
import socket
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent.parent), str(pathlib.Path(__file__).parent.parent / "e2e")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, as_user, envelope, frame, inject, netstring, read_answer  # noqa: E402
from postern import wait_until  # noqa: E402

TO = ["alice@mini.example"]
HELLO = b"Subject: hello\n\nbody\n"


def folders_are_empty():
    """Soon: the answer comes first, and then the name in tmp/ goes."""
    wait_until(lambda: not os.listdir("queue/tmp"), ["queue/tmp"], what=lambda: f"queue/tmp with nothing in it: {os.listdir('queue/tmp')}")


with Parts() as parts:
    anyone = parts.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
    trusted = parts.serve("queue-trusted", ["queue/queue-inject", "trusted"], user="pn-queue")

    @case("a message is one file: frame, message, envelope")
    def _():
        with parts.connect("queue-anyone") as stream:
            letter, name = inject(stream, HELLO, envelope("me@x.example", TO))
        equal(letter, b"Y")
        with open(parts.queued()[name.decode()], "rb") as file:
            text = file.read()
        expect(text.startswith(b"postern queue file 1: 00000001 "), "frame")
        equal(text[80 : 80 + len(HELLO)], HELLO)
        contains(text[80 + len(HELLO) :], b"s" + netstring(b"me@x.example"))
        contains(text, b"(Postern, from uid 0)\n  id " + name)
        folders_are_empty()

    @case("many messages over one connection, of every size around the frame's limit")
    def _():
        with parts.connect("queue-anyone") as stream:
            for size in (0, 1, 65535, 65536, 65537, 131072, 1 << 20):
                letter, name = inject(stream, b"m" * size, envelope("me@x.example", TO))
                equal(letter, b"Y", f"{size} bytes")
                with open(parts.queued()[name.decode()], "rb") as file:
                    expect(file.read()[80:].startswith(b"m" * size + b"o1:l,"), f"{size} bytes")
        folders_are_empty()

    @case("the ID goes to queue-send in a datagram, and into the trigger when nobody takes it")
    def _():
        listener = parts.listen("queue-send", socket.SOCK_DGRAM)
        listener.settimeout(10)
        os.mkfifo("run/queue-send/trigger", 0o622)
        os.chmod("run/queue-send/trigger", 0o622)
        trigger = os.open("run/queue-send/trigger", os.O_RDWR | os.O_NONBLOCK)
        with parts.connect("queue-anyone") as stream:
            _, name = inject(stream, HELLO, envelope("me@x.example", TO))
            equal(listener.recv(100), name)
            for _ in range(30):  # the kernel keeps about ten
                equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y")
        expect(len(os.read(trigger, 1000)) > 0, "nothing in the trigger")

    @case("an abandoned message and an ended connection leave nothing")
    def _():
        before = len(parts.queued())
        with parts.connect("queue-anyone") as stream:
            stream.sendall(frame(b"M", b"x" * 1000) + frame(b"X"))
            equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y")
            stream.sendall(frame(b"M", b"half of a mess"))
        with parts.connect("queue-anyone") as stream:  # served after the first one's end
            equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y")
        equal(len(parts.queued()), before + 2)

    @case("what is not a request ends the connection and nothing else")
    def _():
        before = len(parts.queued())
        for nonsense in (b"GET / HTTP/1.0\r\n\r\n", frame(b"Q", b"x"), b"M\xff\xff\xff\xff", frame(b"Y", b"x"), b"\0" * 100):
            with parts.connect("queue-anyone") as stream:
                stream.sendall(nonsense)
                stream.shutdown(socket.SHUT_WR)
                equal(stream.recv(100), b"", f"answer to {nonsense!r}")
        equal(len(parts.queued()), before)

    @case("a bad envelope is refused for good, and the connection goes on")
    def _():
        before = len(parts.queued())
        with parts.connect("queue-anyone") as stream:
            for bad in (b"", b"x", envelope("me@x.example", []), envelope("me@x.example", ["no-at-sign"]), envelope("a\nb@x.example", TO),
                        envelope("me@x.example", TO) + b"z1:x,", b"s0:,s0:," + envelope("", TO)):
                letter, text = inject(stream, HELLO, bad)
                equal(letter, b"P", f"{bad!r} was answered {text!r}")
                contains(text, b"5.5.4")
            equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y")
        equal(len(parts.queued()), before + 1)

    @case("header lines and an envelope that leave no room for Received are refused, not queued so that nobody can read them")
    def _():
        def talk():
            full = envelope("me@x.example", TO, b"i")
            line = b"r" + netstring(b"b" * 60 + b"@mini.example")
            rest = (4 << 20) - len(full) - len(line) * 46000
            longest = full + line * 46000 + (line * (rest // len(line)))
            with parts.connect("queue-trusted") as stream:
                for size, wanted in ((16384 - 1200, b"Y"), (16384 - 40, b"P"), (16384, b"P")):
                    header = b"h" + netstring(b"X: " + b"x" * (size - 4) + b"\n")
                    letter, text = inject(stream, HELLO, envelope("me@x.example", TO, b"i", header))
                    equal(letter, wanted, f"{size} bytes: {text!r}")
                    expect(letter == b"Y" or text.startswith(b"5.3.4 "), text)
                pieces = [longest[at : at + 65536] for at in range(0, len(longest), 65536)]
                stream.sendall(frame(b"M", HELLO) + b"".join(frame(b"E", piece) for piece in pieces) + frame(b"C"))
                letter, text = read_answer(stream)
                equal((letter, text[:6]), (b"P", b"5.3.4 "))

        as_user("pn-smtp")(talk)
        folders_are_empty()

    ORIGINS = {"pn-smtp": b"i", "pn-submit": b"s", "pn-bounce": b"b", "nobody": b"l"}
    FIELDS = {
        "client": (b"c" + netstring(b"192.0.2.1"), {"pn-smtp", "pn-submit"}),
        "helo": (b"g" + netstring(b"x.example"), {"pn-smtp", "pn-submit"}),
        "protocol": (b"p" + netstring(b"ESMTP"), {"pn-smtp", "pn-submit"}),
        "login": (b"a" + netstring(b"alice"), {"pn-submit"}),
        "junk": (b"f" + netstring(b"j"), {"pn-smtp"}),
        "header": (b"h" + netstring(b"X-Test: 1\n"), {"pn-smtp", "pn-submit"}),
        "our results": (b"h" + netstring(b"Authentication-Results: mini.example; none\n"), {"pn-smtp", "pn-submit"}),
        "another host's results": (b"h" + netstring(b"Authentication-Results: evil.example; none\n"), set()),
        "Received": (b"h" + netstring(b"Received: by evil.example\n"), set()),
        "Return-Path": (b"h" + netstring(b"Return-Path: <>\n"), set()),
        "an empty line": (b"h" + netstring(b"X: 1\n\nX: 2\n"), set()),
        "a CR": (b"h" + netstring(b"X: 1\r\n"), set()),
        "injecting uid": (b"u" + netstring(b"1"), set()),
    }
    for user, origin in ORIGINS.items():
        sender = "" if user == "pn-bounce" else "me@x.example"
        login = FIELDS["login"][0] if user == "pn-submit" else b""  # it injects for those who are logged in only

        @case(f"{user} may say what its row says and no more")
        def _():
            def talk():
                with parts.connect("queue-trusted") as stream:
                    equal(inject(stream, HELLO, envelope(sender, TO, origin, login))[0], b"Y", "a plain message")
                    if login:
                        equal(inject(stream, HELLO, envelope(sender, TO, origin))[0], b"P", "no login")
                    for other in b"isbl":
                        if bytes([other]) != origin:
                            equal(inject(stream, HELLO, envelope(sender, TO, bytes([other]), login))[0], b"P", f"origin {chr(other)}")
                    for field, (text, who) in FIELDS.items():
                        letter, why = inject(stream, HELLO, envelope(sender, TO, origin, text if field == "login" else login + text))
                        equal(letter, b"Y" if user in who else b"P", f"{field} ({why!r})")
                    if user == "pn-bounce":
                        equal(inject(stream, HELLO, envelope("me@x.example", TO, origin))[0], b"P", "a sender")

            as_user(user)(talk)

    @case("a uid has at most ten connections to the public service, and others still get theirs")
    def _():
        ready, done = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            streams = [parts.connect("queue-anyone") for _ in range(10)]
            for stream in streams:  # an answer shows that a process serves it
                inject(stream, HELLO, envelope("me@x.example", TO))
            os.write(ready[1], b"x")
            os.read(done[0], 1)
            os._exit(0)
        os.read(ready[0], 1)

        def one_more():
            with parts.connect("queue-anyone") as stream:
                equal(stream.makefile("rb").read(), b"T\0\0\0\x2e4.7.0 too many connections of this uid at once", "an eleventh connection")

        as_user("nobody")(one_more)
        with parts.connect("queue-anyone") as stream:
            equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y", "another uid")
        os.write(done[1], b"x")
        os.waitpid(pid, 0)
        anyone.wait_log(r"event=refused uid=65534")

    @case("64 MiB unfinished bytes of one uid are enough")
    def _():
        def greedy():
            with parts.connect("queue-anyone") as stream:
                piece = frame(b"M", b"x" * 65536)
                for _ in range(1025):
                    stream.sendall(piece)
                stream.sendall(frame(b"E", envelope("me@x.example", TO)) + frame(b"C"))
                letter, text = read_answer(stream)
                equal(letter, b"T")
                contains(text, b"4.3.1")

        as_user("nobody")(greedy)
        folders_are_empty()

    @case("a full disk is a temporary refusal that names the control file")
    def _():
        parts.control("queuemin", "90\n")
        with parts.connect("queue-anyone") as stream:
            letter, text = inject(stream, HELLO, envelope("me@x.example", TO))
        os.unlink("control/queuemin")
        space = os.statvfs("queue/tmp")
        if space.f_bavail * 100 >= space.f_blocks * 90:
            skip("more than 90 per cent of this disk is free")
        equal(letter, b"T")
        contains(text, b"4.3.1")
        contains(text, b"control/queuemin")

    @case("a failed fsync is not tried again: 4.3.0, and what lies in todo/ is empty")
    def _():
        before = set(parts.queued())
        failing = parts.serve("queue-failing", ["queue/queue-inject", "trusted"], user=None,
                              wrapper=["/usr/bin/strace", "-f", "-qq", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "-o", "/dev/null",
                                       "/usr/bin/setpriv", "--reuid", "pn-queue", "--regid", "pn-queue", "--clear-groups"])
        with parts.connect("queue-failing") as stream:
            letter, text = inject(stream, HELLO, envelope("me@x.example", TO))
            stream.sendall(b"nonsense")
            equal(stream.recv(1), b"")  # so it is done with the message
        failing.stop(signal.SIGKILL)
        equal(letter, b"T")
        contains(text, b"4.3.0")
        contains(text, b"fsync: Input/output error")
        new = {name: path for name, path in parts.queued().items() if name not in before}
        equal([os.stat(path).st_size for path in new.values()], [0], "the withdrawn file")
        folders_are_empty()

    @case("told to stop, it leaves when the message under way is done")
    def _():
        with parts.connect("queue-trusted") as stream:
            equal(inject(stream, HELLO, envelope("me@x.example", TO))[0], b"Y")
            stream.sendall(frame(b"M", HELLO))
            trusted.stop()
            stream.sendall(frame(b"E", envelope("me@x.example", TO)) + frame(b"C"))
            equal(read_answer(stream)[0], b"Y")
            equal(stream.recv(1), b"")


finish()
