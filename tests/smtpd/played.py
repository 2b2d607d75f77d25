"""tlsd, authd and countd as smtpd sees them, played by threads: no TLS, no keys, no root. What they were asked is kept.

    with Place() as place, Played(place) as played:
        session = place.start("submissions")

The played tlsd carries bytes as they are between the network's socket and smtpd: what it is to encrypt is another test's.
"""
import base64
import os
import socket
import struct
import threading

PATIENCE = 60


def netstring(content):
    return b"%d:%s," % (len(content), content)


def take_netstrings(text):
    fields = []
    while text:
        length, _, rest = text.partition(b":")
        fields.append(rest[: int(length)])
        text = rest[int(length) + 1 :]
    return fields


def read_exactly(stream, count):
    content = b""
    while len(content) < count:
        piece = stream.recv(count - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


class Listener:
    """A Unix socket below a place's run/; `serve` gets each connection in a thread of its own."""

    def __init__(self, place, name):
        self.path = os.path.join(place.path, "run", name, "s")
        self.socket = None
        self.start()

    def start(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen(64)
        threading.Thread(target=self.accept, args=(self.socket,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guard, args=(client,), daemon=True).start()

    def guard(self, client):
        with client:
            try:
                self.serve(client)
            except (EOFError, OSError):
                pass

    def serve(self, client):
        raise NotImplementedError

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


class PlayedTlsd(Listener):
    """`mood`: works, no (says the handshake failed), hangs-up, silent; `early`: plaintext with the line of facts"""

    def __init__(self, place):
        self.mood, self.early, self.asked = "works", b"", []
        self.early_bytes = b""  # what came behind the request before there was an answer
        self.let_go = threading.Event()
        super().__init__(place, "tlsd")

    def serve(self, client):
        head, fds, _, _ = socket.recv_fds(client, 4, 2)
        if not head:
            return  # whoever connected has gone
        network = socket.socket(fileno=fds[0])
        assert len(fds) == 1
        body = read_exactly(client, struct.unpack(">I", head)[0])
        self.asked.append(take_netstrings(body[1:]))
        with network:
            network.setblocking(True)
            if self.mood == "no":
                client.sendall(b"no the client went away\n")
            elif self.mood == "silent":
                self.let_go.wait(2 * PATIENCE)
                client.setblocking(False)
                try:
                    self.early_bytes = client.recv(1 << 16)
                except BlockingIOError:
                    pass
            elif self.mood == "works":
                fields = [b"TLSv1.3", b"TLS_AES_256_GCM_SHA384", b"mx.here.example", b"-", b"", b"", b"ab" * 32, b"cd" * 32]
                client.sendall(b"ok " + b"".join(map(netstring, fields)) + b"\n" + self.early)
                back = threading.Thread(target=self.carry, args=(client, network), daemon=True)
                back.start()
                self.carry(network, client)
                back.join(PATIENCE)

    @staticmethod
    def carry(source, target):
        try:
            while piece := source.recv(1 << 16):
                target.sendall(piece)
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class PlayedAuthd(Listener):
    """Logins by their passwords; `mood`: works, later, hangs-up"""

    def __init__(self, place):
        self.logins = {b"bob": b"secret", b"alice": b"pass"}
        self.mood, self.asked = "works", []
        super().__init__(place, "authd")

    def serve(self, client):
        while True:
            body = read_exactly(client, struct.unpack(">I", read_exactly(client, 4))[0])
            fields = take_netstrings(body[1:])
            self.asked.append((body[:1], fields))
            if self.mood == "hangs-up":
                return
            answer = self.answer(body[:1], fields)
            client.sendall(struct.pack(">I", len(answer)) + answer)

    def answer(self, letter, fields):
        if self.mood == "later":
            return b"N" + netstring(b"l") + netstring(b"busy")
        login = fields[5].lower() if letter == b"P" else b""
        if letter == b"P" and login in self.logins and fields[6] == self.logins[login]:
            return b"Y" + netstring(login) + netstring(b"") + netstring(b"")
        return b"N" + netstring(b"b") + netstring(b"wrong")


class PlayedCountd(Listener):
    """Counts by key, and refuses past the limits that come with a question; `told`: keys whose limit was passed once"""

    def __init__(self, place):
        self.counts, self.told, self.asked = {}, set(), []
        super().__init__(place, "countd")

    def serve(self, client):
        while True:
            body = read_exactly(client, struct.unpack(">I", read_exactly(client, 4))[0])
            fields = take_netstrings(body[1:])
            self.asked.append((body[:1], fields))
            answer = self.answer(body[:1], fields)
            client.sendall(struct.pack(">I", len(answer)) + answer)

    def answer(self, letter, fields):
        key, count = fields[0], self.counts.get(fields[0], 0)
        verdict, first = b"Y", b""
        if letter == b"T":
            limits = [int(field) for field in fields[2:]]
            if any(limit and count + int(fields[1]) > limit for limit in limits):
                verdict, first = b"N", b"" if key in self.told else b"f"
                self.told.add(key)
            else:
                self.counts[key] = count = count + int(fields[1])
        elif letter == b"G":
            self.counts[key] = count = max(0, count - int(fields[1]))
        return verdict + b"".join(netstring(b"%d" % count) for _ in range(3)) + netstring(first)


class Played:
    def __init__(self, place):
        certificates = os.path.join(place.path, "tls", "certs")
        os.makedirs(certificates, exist_ok=True)
        with open(os.path.join(certificates, "here.example.pem"), "wb"):
            pass
        self.tlsd, self.authd, self.countd = PlayedTlsd(place), PlayedAuthd(place), PlayedCountd(place)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in (self.tlsd, self.authd, self.countd):
            service.stop()


def plain(login, password):
    """AUTH PLAIN with its initial response"""
    return b"AUTH PLAIN " + base64.b64encode(b"\0" + login + b"\0" + password) + b"\r\n"
