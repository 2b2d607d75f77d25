"""hosts - hosts of every kind to send to, good, slow, confused and hostile, each on a loopback address of its own

A script speaks SMTP on one connection (tests/remote/remoting.py's Session); whatever a host has taken, the reply to the dot
sent or not, is in its `taken`. Every message of a test carries "X-Token: ..." so that copies can be counted.
"""
import os
import re
import socket
import sys
import threading

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "remote"), os.path.join(os.path.dirname(__file__), "..")]
from remoting import Peer  # noqa: E402

everything = ("PIPELINING", "SIZE 50000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "SMTPUTF8", "CHUNKING")


class Taken:
    """One message, as the host has it: commands MAIL and RCPT in full, and its bytes."""

    def __init__(self, session, commands, text):
        self.session = session
        self.mail, self.recipients, self.text = commands[0], commands[1:], text
        found = re.search(rb"(?mi)^X-Token: (\S+)", text)
        self.token = found[1].decode() if found else ""

    def addresses(self):
        return [re.search(r"<(.*)>", command)[1] for command in self.recipients]


class Host(Peer):
    """Takes everything; subclasses say otherwise. `features` are the lines of EHLO's reply."""
    features = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")
    greeting = "220 host.example ESMTP"

    def __init__(self, address, port, **settings):
        self.lock, self.taken, self.count = threading.Lock(), [], 0
        self.__dict__.update(settings)
        super().__init__(address, port, self.speak)

    def next_number(self):
        with self.lock:
            self.count += 1
            return self.count

    # what a host says to one command; None is "250 ok"
    def on_mail(self, session, line):
        return None

    def on_rcpt(self, session, line):
        return None

    def on_data(self, session):
        return "354 go on"

    def on_dot(self, session, taken):
        return f"250 2.0.0 taken as {len(self.taken)}"

    def on_ehlo(self, session):
        session.say("250-host.example")
        for line in self.features[:-1]:
            session.say("250-" + line)
        session.say("250 " + self.features[-1])

    def greet(self, session):
        session.say(self.greeting)

    def _speak(self, session):
        super()._speak(session)
        session.reader.close()
        session.stream.close()

    def speak(self, session):
        session.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.greet(session)
        commands = []
        while True:
            line = session.hear()
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb == "EHLO":
                self.on_ehlo(session)
            elif verb == "QUIT":
                return session.say("221 2.0.0 bye")
            elif verb == "MAIL":
                commands = [line]
                session.say(self.on_mail(session, line) or "250 2.1.0 ok")
            elif verb == "RCPT":
                answer = self.on_rcpt(session, line) or "250 2.1.5 ok"
                if answer.startswith("2"):
                    commands.append(line)
                session.say(answer)
            elif verb == "DATA":
                answer = self.on_data(session)
                session.say(answer)
                if answer.startswith("354"):
                    self.take(session, commands, session.hear_message())
            elif verb == "AUTH":
                session.say("235 2.7.0 welcome")
            elif verb == "BDAT":
                self.hear_chunks(session, commands, line)
            else:
                session.say("250 2.0.0 ok")

    def hear_chunks(self, session, commands, line):
        text = b""
        while True:
            words = line.split(" ")
            text += session.reader.read(int(words[1]))
            if len(words) > 2:
                return self.take(session, commands, text.replace(b"\r\n", b"\n"))
            session.say("250 2.0.0 go on")
            line = session.hear()

    def take(self, session, commands, text):
        taken = Taken(session, commands, text.replace(b"\r\n", b"\n"))
        answer = self.on_dot(session, taken)
        if answer is None or answer.startswith("2"):
            with self.lock:
                self.taken.append(taken)
        if answer is None:
            raise EOFError("this host leaves")
        session.say(answer)

    def copies(self):
        """How often each recipient got each message: {(token, address): count}"""
        counts = {}
        with self.lock:
            for taken in self.taken:
                for address in taken.addresses():
                    counts[taken.token, address] = counts.get((taken.token, address), 0) + 1
        return counts


class Greylisting(Host):
    """Knows nobody whom it has not seen once."""

    def on_mail(self, session, line):
        session.sender = line
        return None

    def on_rcpt(self, session, line):
        with self.lock:
            seen = self.__dict__.setdefault("seen", set())
            key = session.sender.split(" ")[1], line.split(" ")[1]
            if key in seen:
                return None
            seen.add(key)
        return "450 4.2.0 greylisted, come back later"


class Busy(Host):
    """421 to the first `times` connections."""
    times = 2

    def greet(self, session):
        if self.next_number() <= self.times:
            session.say("421 4.3.2 too busy, come back later")
            raise EOFError
        super().greet(session)


class Leaving(Host):
    """421 in the middle of the first transactions."""
    times = 2

    def on_rcpt(self, session, line):
        return "421 4.3.2 going down" if self.next_number() <= self.times else None


class Tarpit(Host):
    """Says every line a piece at a time."""
    pause = 0.25

    def speak(self, session):
        rest, say = threading.Event(), session.stream.sendall

        def say_slowly(text):
            for piece in (text[:3], text[3:]):
                rest.wait(self.pause)
                say(piece)
        session.say = lambda text: say_slowly(text.encode() + b"\r\n")
        super().speak(session)


class Silent(Host):
    """Takes the connection and says nothing."""

    def greet(self, session):
        session.hear()


class Endless(Host):
    """A reply without end."""

    def greet(self, session):
        while True:
            session.stream.sendall(b"220-and another thing\r\n" * 100)


class EndlessLine(Host):
    def greet(self, session):
        while True:
            session.stream.sendall(b"220 and another thing " * 100)


class Nul(Host):
    """NULs and other bytes in its replies, which are otherwise good."""

    def on_rcpt(self, session, line):
        session.stream.sendall(b"250-2.1.5 \0\x01\xff\x1b[2J\r\n")
        return "250 2.1.5 ok\0"


class RefusingWithNul(Host):
    def on_rcpt(self, session, line):
        session.stream.sendall(b"550-5.1.1 \0no\x01such\xff\x1b[2J user\r\n")
        return "550 5.1.1 \0Content-Type: text/html"


class Hasty(Host):
    """Answers everything before it was asked. In one piece: what comes in time nobody could tell from an answer."""
    greeting = "\r\n".join(("220 host.example ESMTP", "250 ok", "250 ok", "250 ok", "354 go on", "250 taken", "221 bye"))


class HastyAtData(Host):
    """Says that it took the message before it has it."""

    def on_data(self, session):
        session.say("354 go on\r\n250 2.0.0 taken")
        while True:
            session.hear()


class Disordered(Host):
    """354 to MAIL, 250 to DATA."""

    def on_mail(self, session, line):
        return "354 go on"

    def on_data(self, session):
        return "250 2.0.0 ok"


class Babbling(Host):
    """No SMTP at all."""

    def greet(self, session):
        session.say("HTTP/1.1 400 Bad Request")
        session.say("")
        raise EOFError


class CuttingAfterDot(Host):
    """Takes the message, and the connection ends before it says so, for the first `times` messages."""
    times = 2

    def on_dot(self, session, taken):
        return None if self.next_number() <= self.times else "250 2.0.0 taken"


class CuttingInData(Host):
    """Leaves in the middle of the first messages."""
    times = 2

    def on_data(self, session):
        if self.next_number() <= self.times:
            session.say("354 go on")
            session.hear()
            raise EOFError
        return "354 go on"


class RefusingRecipients(Host):
    """Knows only those whose name begins with "good"."""

    def on_rcpt(self, session, line):
        return None if "<good" in line else "550 5.1.1 nobody here by that name; see https://host.example/?a=b&c"


class RefusingMessages(Host):
    def on_dot(self, session, taken):
        return "554 5.7.1 this looks like something that I do not want"


class RefusingConnections(Host):
    greeting = "554 5.3.2 no mail here, today"


class NoMailHost(Host):
    """RFC 7504: there is no mail here, ever."""
    greeting = "521 5.3.2 no mail here"


class Dead:
    """An address where nothing listens."""

    def __init__(self, *_, **__):
        self.taken, self.sessions = [], []

    def copies(self):
        return {}

    def close(self):
        pass


def common_port(addresses):
    """A port that is free on all these addresses."""
    for port in range(20025 + os.getpid() % 1000 * 7, 32000, 7):
        probes = []
        try:
            for address in addresses:
                probe = socket.socket()
                probes.append(probe)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
            return port
        except OSError:
            pass
        finally:
            for probe in probes:
                probe.close()
    raise OSError("no port is free on all of 127.0.0.x")
