"""sending - queue-send among its real neighbours, with the test in the place of local-spawn and remote-spawn"""
import array
import email
import email.policy
import os
import select
import socket
import struct
import sys

sys.path[:0] = [os.path.join(os.path.dirname(__file__), ".."), os.path.join(os.path.dirname(__file__), "..", "e2e")]
from check import equal, expect  # noqa: E402
from parts import Parts, envelope, inject, netstring, record, take_fields  # noqa: E402
from postern import wait_until  # noqa: E402

SECONDS = 20


class Request:
    """A delivery that queue-send asked for, with the queue file."""

    def __init__(self, fields, file):
        self.id, self.index, self.name, self.recipient = (field.decode() for field in fields)
        with os.fdopen(file, "rb") as stream:
            text = stream.read()
        length = int(text.split(b" ")[5], 16) if text else 0
        self.message, self.envelope = text[80 : 80 + length], text[80 + length :]

    def reports(self, letter, text, blame):
        """A record of what became of it"""
        return [record(letter + netstring(self.id.encode()) + netstring(self.index.encode()) + said(letter, text, blame))]

    def mail(self):
        return email.message_from_bytes(self.message, policy=email.policy.default)


class Transaction(Request):
    """One message to recipients who share a destination; `index` is the first one's."""

    def __init__(self, fields, file):
        super().__init__([fields[0], fields[2], b"", b""], file)
        self.destination, self.indexes = fields[1].decode(), [int(field) for field in fields[2:]]

    def reports(self, letter, text, blame, indexes=None):
        return [record(letter + netstring(self.id.encode()) + netstring(b"%d" % index) + said(letter, text, blame))
                for index in (self.indexes if indexes is None else indexes)]

    def part(self, *indexes):
        """Some of its recipients"""
        fields = [self.id.encode(), self.destination.encode(), *(b"%d" % index for index in indexes)]
        return Transaction(fields, os.open(os.devnull, os.O_RDONLY))


def said(letter, text, blame):
    return (b"" if letter == b"R" else netstring(text.encode())) + (netstring(blame) if letter == b"Z" else b"")


class Spawner:
    """local-spawn's side of one connection, or remote-spawn's."""

    def __init__(self, listener, letter=b"L"):
        self.letter, self.kind = letter, {b"L": Request, b"T": Transaction}[letter]
        self.listener, self.stream, self.forgotten = listener, None, []
        listener.settimeout(SECONDS)

    def accept(self, *greeting):
        self.stream = self.listener.accept()[0]
        self.stream.settimeout(SECONDS)
        self.stream.sendall(b"".join(greeting) + record(b"A"))
        return self

    def _read(self, count, files):
        text = b""
        while len(text) < count:
            piece, controls, _, _ = self.stream.recvmsg(count - len(text), socket.CMSG_SPACE(4))
            if not piece:
                raise EOFError("queue-send is gone")
            for _, _, content in controls:
                files.frombytes(content[:4])
            text += piece
        return text

    def _next(self):
        files = array.array("i")
        length = struct.unpack(">I", self._read(4, files))[0]
        letter, fields = take_fields(self._read(length, files))
        if letter == b"F":
            self.forgotten.append((fields[0].decode(), fields[1].decode()))
            return None
        equal(letter, self.letter)
        equal(len(files), 1, "descriptors of a request")
        return self.kind(fields, files[0])

    def request(self):
        """The next request."""
        while True:
            found = self._next()
            if found:
                return found

    def requests(self, count):
        return [self.request() for _ in range(count)]

    def waiting(self):
        """The requests that have come already."""
        found = []
        while select.select([self.stream], [], [], 0)[0]:
            found += [request for request in [self._next()] if request]
        return found

    def wait_forgotten(self, request):
        while (request.id, request.index) not in self.forgotten:
            expect(self._next() is None, "a request came where an outcome was to be forgotten")

    def is_quiet(self):
        """True if nothing waits to be read but outcomes to forget."""
        while select.select([self.stream], [], [], 0)[0]:
            if self._next():
                return False
        return True

    def say(self, letter, request, text="", blame=b"d"):
        self.stream.sendall(self.report(letter, request, text, blame))

    @staticmethod
    def report(letter, request, text="", blame=b"d"):
        return b"".join(request.reports(letter, text, blame))

    def close(self):
        self.stream.close()


class Sending(Parts):
    """queue-inject, queue-clean, bounce and queue-send, real; local-spawn is self.spawner, remote-spawn is self.remote."""

    def __enter__(self):
        super().__enter__()
        for name, value in self.settings.items():
            self.control(name, value + "\n")
        self.listener = self.listen("local-spawn")
        self.spawner = Spawner(self.listener)
        self.remote = Spawner(self.listen("remote-spawn"), b"T")
        self.anyone = self.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
        self.trusted = self.serve("queue-trusted", ["queue/queue-inject", "trusted"], user="pn-queue")
        self.notifications = self.listen("queue-send", socket.SOCK_DGRAM)
        os.chown("run/queue-send", 0, 0)
        os.chmod("run/queue-send", 0o755)
        os.mkfifo("run/queue-send/trigger")
        os.chmod("run/queue-send/trigger", 0o666)
        self.clean = self.serve("queue-clean", ["queue/queue-clean"], user="pn-queue")
        self.bounce = self.serve("bounce", ["send/bounce"], user="pn-bounce")
        if self.starts:
            self.start()
        return self

    def __init__(self, starts=True, **settings):
        super().__init__()
        self.starts, self.settings = starts, settings

    def start(self, *greeting, remote=()):
        self.sender = self.serve("queue-send", ["send/queue-send"], user="pn-send", listener=self.notifications)
        self.remote.accept(*remote)
        return self.spawner.accept(*greeting)

    def halt(self, *how):
        """Ends queue-send, and its connections to the spawners."""
        self.sender.stop(*how)
        self.spawner.close()
        self.remote.close()

    def put(self, *recipients, sender="me@mini.example", message=b"Subject: x\n\nhello\n", extra=b"", notify=0):
        """Puts a message into the queue; its ID. NOTIFY is the last recipient's."""
        lines = envelope(sender, recipients, extra=extra) + (b"n" + netstring(b"%d" % notify) if notify else b"")
        with self.connect("queue-anyone") as stream:
            letter, text = inject(stream, message, lines)
        equal(letter, b"Y", f"queue-inject said {text!r}")
        return text.decode()

    def tell(self, text):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
            stream.sendto(text.encode(), "run/queue-send/s")

    def hup(self):
        """Has the settings read again, and waits until they were."""
        before = self.sender.log().count("event=settings")
        self.sender.process.send_signal(1)
        self.wait_lines("event=settings", before + 1)

    def round_trip(self):
        """Returns when queue-send has gone through its loop: whatever it was going to start, it has."""
        before = self.sender.log().count("effect=no\\x20such\\x20message")
        for turn in range(2):
            self.tell("F" + "0" * 19)
            self.wait_lines("effect=no\\x20such\\x20message", before + turn + 1)

    def wait_lines(self, text, count):
        """Returns when queue-send has logged `text` so many times."""
        wait_until(lambda: self.sender.log().count(text) >= count, [os.path.join(self.path, "log")], 2 * SECONDS,
                   lambda: f"{count} times {text} in the log")

    def wait_done(self, name):
        self.sender.wait_log(f"event=done id={name}", SECONDS)
        expect(not os.path.exists(f"queue/todo/{name[-2:]}/{name}"), "the queue file is gone")
        expect(not os.path.exists(f"state/{name[-2:]}/{name}"), "the state is gone")

    @staticmethod
    def state(name):
        with open(f"state/{name[-2:]}/{name}") as file:
            return file.read()


class Shared:
    """One Sending for many cases: each leaves the queue empty, and gets the settings that it names and no others."""

    def __init__(self):
        self.place = None

    def __call__(self, **settings):
        self.settings = settings
        return self

    def __enter__(self):
        if self.place is None:
            self.place = Sending().__enter__()
        place = self.place
        kept = {"accounts", "me", *self.settings}
        stale = [name for name in os.listdir("control") if name not in kept]
        for name in stale:
            os.unlink(f"control/{name}")
        for name, value in self.settings.items():
            place.control(name, value + "\n")
        if stale or self.settings:
            place.hup()
        return place

    def __exit__(self, kind, *_):
        if kind is not None or self.place.queued():  # what it left must not trouble the next case
            self.end()

    def end(self):
        if self.place is not None:
            self.place.__exit__(None, None, None)
        self.place = None


shared = Shared()
