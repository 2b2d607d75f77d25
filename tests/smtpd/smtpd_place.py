"""A private place for smtpd to run in: control/, users/cdb, and a queue-inject that only records what it is given.

Nothing here needs root, a port or the rest of Postern. The recording queue speaks lib/net/queue_protocol.h.
"""

import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SMTPD = os.environ.get("SMTPD", os.path.join(ROOT, os.environ.get("BUILD", "build"), "smtpd", "smtpd"))
PATIENCE = 60  # seconds until a test that waits for smtpd gives up


class Message:
    """What was committed: the text, and the envelope's records in their order."""

    def __init__(self, text, envelope):
        self.text = text
        self.records = []
        at = 0
        while at < len(envelope):
            colon = envelope.index(b":", at)
            start, length = colon + 1, int(envelope[at + 1 : colon])
            assert envelope[start + length : start + length + 1] == b",", "envelope: not a netstring"
            self.records.append((envelope[at : at + 1].decode(), envelope[start : start + length]))
            at = start + length + 1

    def values(self, letter):
        return [value for name, value in self.records if name == letter]

    @property
    def recipients(self):
        return self.values("r")


class RecordingQueue:
    """Stands where queue-inject stands. `mood`: accepts, refuses, defers, dies (at the next commit), hangs up (after it)."""

    def __init__(self, path):
        self.path = path
        self.messages = []
        self.abandoned = 0
        self.connections = 0
        self.mood = ("accepts", b"")
        self.listener = None
        self.threads = []
        self.start()

    def start(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self.serve, args=(client,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def settle(self):
        """Returns once every client that has gone was served to its end."""
        if self.listener:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:  # accepted behind all the others
                last.connect(self.path)
                last.shutdown(socket.SHUT_WR)
                last.recv(1)
        while self.threads:
            self.threads.pop().join(PATIENCE)

    def serve(self, client):
        stream = client.makefile("rb", buffering=1 << 16)
        text, envelope = bytearray(), bytearray()
        with client:
            while True:
                head = stream.read(5)
                if len(head) < 5:
                    return
                letter, length = head[:1], struct.unpack(">I", head[1:])[0]
                content = stream.read(length)
                if letter == b"M":
                    assert not envelope, "message after envelope"
                    text += content
                elif letter == b"E":
                    envelope += content
                elif letter == b"X":
                    self.abandoned += 1
                    text, envelope = bytearray(), bytearray()
                elif letter == b"C":
                    if not self.commit(client, bytes(text), bytes(envelope)):
                        return
                    text, envelope = bytearray(), bytearray()

    def commit(self, client, text, envelope):
        mood, words = self.mood
        if mood == "dies":
            return False
        if mood in ("refuses", "defers"):
            client.sendall((b"P" if mood == "refuses" else b"T") + struct.pack(">I", len(words)) + words)
            return True
        self.messages.append(Message(text, envelope))
        digits = "%019d" % len(self.messages)
        client.sendall(b"Y" + struct.pack(">I", 19) + digits.encode())
        return mood != "hangs-up"


def make_cdb(path, entries):
    lines = b"".join(b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in entries) + b"\n"
    subprocess.run(["cdb", "-c", path], input=lines, check=True)


def users_entries(names, prefixes):
    def value(user, extension=b""):
        return b"\0".join([user, b"1000", b"1000", b"/home/" + user, b"", extension])

    entries = [(b"!" + name + b"\0", value(name)) for name in names]
    entries += [(b"!" + prefix, value(prefix.rstrip(b"-") or b"all")) for prefix in prefixes]
    last = bytes(sorted({prefix[-1] for prefix in prefixes if prefix}))
    return entries + [(b"", last)]


class Place:
    CONTROL = {
        "me": "mx.here.example\n",
        "locals": "here.example\nmx.here.example\n",
        "rcpthosts": "backup.example\n.below.example\n",
        "virtualdomains": "virtual.example:vera\n",
    }

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="smtpd-test-")
        os.chmod(self.path, 0o755)
        for name in ("control", "users", "users/full"):
            os.mkdir(os.path.join(self.path, name))
        for name, text in self.CONTROL.items():
            self.control(name, text)
        make_cdb(os.path.join(self.path, "users", "cdb"), users_entries([b"bob", b"alice", b"r\xc3\xa9mi"], [b"bob-", b"vera-a"]))
        self.queue = RecordingQueue(os.path.join(self.path, "run", "queue-trusted", "s"))
        self.environment = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.7", "TCPREMOTEPORT": "4711", "TCPLOCALIP": "192.0.2.1"}

    def control(self, name, text):
        path = os.path.join(self.path, "control", name)
        if text is None:
            os.unlink(path)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def start(self, *words, wrapper=(), early=b""):
        return Smtpd(self, words, wrapper, early)

    def remove(self):
        self.queue.stop()
        shutil.rmtree(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Smtpd:
    """One smtpd, with a stream socket as its descriptors 0 and 1 and a file as its log."""

    def __init__(self, place, words, wrapper, early):
        self.socket, theirs = socket.socketpair()
        self.socket.sendall(early)
        self.log_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*wrapper, SMTPD, *words], stdin=theirs, stdout=theirs, stderr=self.log_file, cwd=place.path, env=place.environment)
        theirs.close()
        self.waiting, self.at = b"", 0  # what came, and how much of it was looked at

    def send(self, data):
        """All of it; what smtpd answers in the meantime is kept, so that neither waits for the other."""
        self.socket.setblocking(False)
        view = memoryview(data)
        while view:
            readable, writable, _ = select.select([self.socket], [self.socket], [], PATIENCE)
            if readable:
                more = self.socket.recv(1 << 16)
                self.waiting += more
                if not more:
                    break  # it has closed: no use in sending on
            if writable:
                try:
                    view = view[self.socket.send(view) :]
                except (BrokenPipeError, ConnectionResetError):
                    break
            if not readable and not writable:
                raise TimeoutError("smtpd does not read")
        self.socket.setblocking(True)

    def line(self):
        """The next line without CRLF; None at the end."""
        while (end := self.waiting.find(b"\n", self.at)) < 0:
            self.waiting, self.at = self.waiting[self.at :], 0
            self.socket.settimeout(PATIENCE)
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                assert not self.waiting, "half a line at the end: %r" % self.waiting
                return None
            self.waiting += more
        line, self.at = self.waiting[self.at : end + 1], end + 1
        assert line.endswith(b"\r\n"), "a reply that does not end in CR LF: %r" % line
        return line[:-2].decode("utf-8")

    def reply(self):
        """The lines of the next reply; None at the end."""
        lines = []
        while True:
            line = self.line()
            if line is None:
                return lines or None
            lines.append(line)
            if line[3:4] != "-":
                return lines

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def end(self):
        self.socket.close()
        return self.process.wait(PATIENCE)

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode("ascii")
