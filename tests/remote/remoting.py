"""remoting - what stands around remote-spawn and remote in a test: queue-send, dnsqd and other hosts, played by the test

    dns = FakeDns()
    dns.table["mx", "example.org"] = mx((10, "a.example.org"))
    peer = Peer("127.0.0.2", port, script)      # script(session) speaks SMTP; without one the peer takes everything
    sender = Sender(parts)
    sender.send(message_id, "example.org", [0])
    sender.outcomes(1)                          # {0: ("Y", "2.0.0 ...", "")}
"""
import os
import pwd
import socket
import threading

from parts import envelope, inject, netstring, read_record, record, take_fields

TYPES = {"a": b"1", "aaaa": b"28", "mx": b"15", "txt": b"16", "ptr": b"12", "cname": b"5", "tlsa": b"52"}


def mx(*records):
    return b"F", [b"M%d %s" % (preference, host.encode()) for preference, host in records]


def addresses(*texts):
    return b"F", [b"A" + text.encode() for text in texts]


NO_NAME, NO_DATA, FAILED, BOGUS = (b"X", []), (b"N", []), (b"T", []), (b"B", [])


class FakeDns:
    """dnsqd: answers from `table`, by (type, name); what is not there has no data. None: no answer at all."""

    def __init__(self, parts):
        self.table, self.asked, self.streams = {}, [], []
        self.listener = parts.listen("dnsqd")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            stream, _ = self.listener.accept()
            self.streams.append(stream)
            threading.Thread(target=self._answer, args=(stream,), daemon=True).start()

    def _answer(self, stream):
        try:
            while True:
                _, (number, kind, name) = take_fields(read_record(stream))
                question = next(word for word, code in TYPES.items() if code == kind), name.decode()
                self.asked.append(question)
                answer = self.table.get(question, NO_DATA)
                if answer is None:
                    continue
                status, records = answer
                head = [number, status, b"", b"60", name if status in b"FN" else b"", b"" if status in b"FN" else b"the test says so", b"0"]
                stream.sendall(record(b"A" + b"".join(map(netstring, head)) + b"".join(map(netstring, records))))
        except (EOFError, OSError):
            pass
        if stream in self.streams:
            self.streams.remove(stream)
        stream.close()

    def drop(self):
        """Ends every connection, as a restart does."""
        for stream in list(self.streams):
            stream.shutdown(socket.SHUT_RDWR)


class Session:
    """One connection with a peer: lines in and out, and what came."""

    def __init__(self, stream, client):
        self.stream, self.client = stream, client
        self.reader = stream.makefile("rb")
        self.lines, self.messages = [], []

    def say(self, text):
        self.stream.sendall(text.encode() + b"\r\n")

    def hear(self):
        line = self.reader.readline()
        if not line:
            raise EOFError
        self.lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
        return self.lines[-1]

    def hear_message(self):
        text = b""
        while True:
            line = self.reader.readline()
            if not line:
                raise EOFError
            if line == b".\r\n":
                self.messages.append(text)
                return text
            text += line[1:] if line.startswith(b".") else line

    def greet(self, greeting="220 peer.example ESMTP", features=("PIPELINING", "8BITMIME")):
        self.say(greeting)
        self.hear()
        lines = ["peer.example", *features]
        for line in lines[:-1]:
            self.say("250-" + line)
        self.say("250 " + lines[-1])

    def serve(self, answers=None, messages=None):
        """Takes everything but what `answers` (verb: reply, or function of the line) says otherwise, until QUIT or so many messages."""
        answers = answers or {}
        while messages is None or len(self.messages) < messages:
            line = self.hear()
            verb = line.split(" ", 1)[0].split(":", 1)[0].upper()
            answer = answers.get(verb)
            answer = answer(line) if callable(answer) else answer
            if verb == "QUIT":
                self.say(answer or "221 bye")
                return
            if verb == "DATA" and (answer is None or answer.startswith("354")):
                self.say(answer or "354 go on")
                text = self.hear_message()
                done = answers.get("DOT", "250 2.0.0 taken")
                self.say(done(text) if callable(done) else done)
            else:
                self.say(answer or "250 ok")


def take_all(session):
    session.greet()
    session.serve()


class Peer:
    def __init__(self, address, port=0, script=take_all):
        self.script, self.sessions = script, []
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                stream, client = self.listener.accept()
            except OSError:
                return
            session = Session(stream, client)
            self.sessions.append(session)
            threading.Thread(target=self._speak, args=(session,), daemon=True).start()

    def _speak(self, session):
        try:
            self.script(session)
        except (EOFError, OSError):
            pass
        try:
            session.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def messages(self):
        return [message for session in self.sessions for message in session.messages]


class Sender:
    """queue-send, as far as remote-spawn sees it: connects as its user."""

    def __init__(self, parts, service="remote-spawn", user="pn-send"):
        self.parts = parts
        os.seteuid(pwd.getpwnam(user).pw_uid)
        try:
            self.stream = parts.connect(service)
        finally:
            os.seteuid(0)
        self.kept = []
        while True:
            letter, fields = take_fields(read_record(self.stream))
            if letter == b"A":
                break
            self.kept.append((letter.decode(), fields))

    def send(self, identity, destination, indexes, path=None):
        body = b"T" + netstring(identity) + netstring(destination.encode())
        body += b"".join(netstring(b"%d" % index) for index in indexes)
        with open(path or self.parts.queued()[identity.decode()], "rb") as file:
            socket.send_fds(self.stream, [record(body)], [file.fileno()])

    def outcome(self):
        """(id, index, letter, text, blame)"""
        letter, fields = take_fields(read_record(self.stream))
        text = fields[2].decode() if len(fields) > 2 else ""
        return fields[0], int(fields[1]), letter.decode(), text, fields[3].decode() if len(fields) > 3 else ""

    def outcomes(self, count):
        return {index: (letter, text, blame) for _, index, letter, text, blame in (self.outcome() for _ in range(count))}

    def deliver(self, identity, destination, indexes=(0,)):
        self.send(identity, destination, indexes)
        return self.outcomes(len(indexes))

    def forget(self, identity, index):
        self.stream.sendall(record(b"F" + netstring(identity) + netstring(b"%d" % index)))

    def has_ended(self):
        """Waits for it."""
        try:
            return self.stream.recv(100) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.stream.close()


def free_port(address="127.0.0.2"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Place:
    """Parts with remote-spawn, dnsqd (played, unless `dns` starts a real one) and a port of their own; messages from queue-inject."""

    def __init__(self, parts, dns=FakeDns, **controls):
        self.parts, self.port = parts, free_port()
        parts.control("smtpport", f"{self.port}\n")
        for name, text in controls.items():
            parts.control(name, text + "\n")
        parts.serve("queue-anyone", ["queue/queue-inject", "anyone"], user="pn-queue")
        self.dns = dns(parts)
        self.start()
        self.last = 1

    def start(self):
        program = self.parts.program("remote/remote")
        self.spawner = self.parts.serve("remote-spawn", ["remote/remote-spawn", program], user="pn-remote", groups=["pn-routes"])
        self.sender = Sender(self.parts)

    def message(self, *recipients, text=b"Subject: x\n\nhello\n", sender="me@x.example"):
        """The ID of a new message in the queue."""
        with self.parts.connect("queue-anyone") as stream:
            return inject(stream, text, envelope(sender, recipients or ["a@x.example"]))[1]

    def domain(self, *hosts, name=None):
        """A new domain; each host is an address, in the order of preference."""
        self.last += 1
        name = name or f"d{self.last}.example"
        self.dns.table["mx", name] = mx(*((10 * at, f"mx{at}.{name}") for at in range(len(hosts))))
        for at, host in enumerate(hosts):
            self.dns.table["aaaa" if ":" in host else "a", f"mx{at}.{name}"] = addresses(host)
        return name

    def remotes(self):
        """pids of running `remote`s"""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == os.path.join(self.parts.bin, "remote"):
                    found.append(int(pid))
            except OSError:
                pass
        return found
