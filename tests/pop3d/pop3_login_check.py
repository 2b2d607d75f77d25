#!/usr/bin/env python3
"""pop3-login with the test as its client, and as tlsd, authd and auth/login: who is asked what, and what a stranger hears"""
import base64
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import Parts, netstring, read_exactly, record, take_fields  # noqa: E402

TICKET = b"0123456789abcdef" * 2
COMMON = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"EXPIRE NEVER", b"LOGIN-DELAY 0", b"UTF8", b"LANG", b"IMPLEMENTATION Postern"]


def encoded(*words):
    return base64.b64encode(b"\0".join(words))


def read_records(stream, answer):
    """Answers each record of a connection until it ends."""
    with stream:
        while True:
            try:
                body = read_exactly(stream, int.from_bytes(read_exactly(stream, 4), "big"))
            except (EOFError, ConnectionResetError):
                return
            stream.sendall(answer(body))


class Neighbours:
    """tlsd, authd and auth/login as far as pop3-login sees them."""

    def __init__(self, parts):
        self.asked, self.handed, self.answer_of_login, self.handshake = [], [], b"Y", True
        self.authd_is_well = True
        for service, serve in (("authd", self.authd), ("login", self.login), ("tlsd", self.tlsd)):
            threading.Thread(target=self.accept, args=(parts.listen(service), serve), daemon=True).start()

    @staticmethod
    def accept(listener, serve):
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=serve, args=(stream,), daemon=True).start()

    def authd(self, stream):
        def answer(body):
            letter, fields = take_fields(body)
            self.asked.append((letter, fields))
            if not self.authd_is_well:
                return record(b"N" + netstring(b"l") + netstring(b"busy"))
            if letter == b"P":
                login, password = fields[5], fields[6]
                if password == b"right pass":
                    return record(b"Y" + netstring(login) + netstring(TICKET) + netstring(b""))
                return record(b"N" + netstring(b"d" if password == b"shut" else b"b") + netstring(b"wrong"))
            if letter == b"F":
                return record(b"C" + netstring(b"r=server-first"))
            return record(b"Y" + netstring(b"alice") + netstring(TICKET) + netstring(b"v=server-final"))

        read_records(stream, answer)

    def login(self, stream):
        with stream:
            message, fds, _, _ = socket.recv_fds(stream, 1000, 4)
            self.handed.append((message, socket.socket(fileno=fds[0])))
            stream.sendall(self.answer_of_login)

    def tlsd(self, stream):
        body, fds, _, _ = socket.recv_fds(stream, 1000, 1)
        network = socket.socket(fileno=fds[0])
        self.asked.append((b"S", take_fields(body[4:])[1]))
        if not self.handshake:
            stream.sendall(b"no bad handshake\n")
            stream.close()
            network.close()
            return
        equal(read_exactly(network, 6), b"HELLO\n")  # of our own kind of TLS
        fields = (b"TLSv1.3", b"CIPHER", b"", b"-", b"", b"", b"ab" * 32, b"cd" * 32)
        stream.sendall(b"ok " + b"".join(map(netstring, fields)) + b"\n")
        self.network, self.plain = network, stream

        def copy(source, to):
            while piece := source.recv(65536):
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)

        threading.Thread(target=copy, args=(network, stream), daemon=True).start()
        copy(stream, network)


class Client:
    def __init__(self, address="127.0.0.1", words=(), greets=True):
        self.here, there = socket.socketpair()
        self.here.settimeout(30)
        self.log = open(os.path.join(parts.path, "log", "pop3-login"), "ab+")
        self.process = subprocess.Popen([parts.program("pop3d/pop3-login"), *words], stdin=there, stdout=there, stderr=self.log,
                                        env={"PROTO": "TCP", "TCPREMOTEIP": address}, user="pn-login", group="pn-login", extra_groups=[])
        there.close()
        if greets:
            self.greeted = self.line()

    def line(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.here.recv(1)
            if not byte:
                raise EOFError(f"{line!r} and the end")
            line += byte
        return line.removesuffix(b"\r\n")

    def ask(self, line):
        self.here.sendall(line + b"\r\n")
        return self.line()

    def capabilities(self):
        equal(self.ask(b"CAPA"), b"+OK")
        found = []
        while (line := self.line()) != b".":
            found.append(line)
        return found

    def expect_end(self):
        try:
            equal(self.here.recv(10), b"", "the end")
        except ConnectionResetError:
            pass
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.here.close()
        self.process.wait(20)
        self.log.close()


def log():
    with open(os.path.join(parts.path, "log", "pop3-login"), errors="replace") as file:
        return file.read()


with Parts() as parts:
    near = Neighbours(parts)

    def handed():
        message, client = near.handed[-1]
        with client:
            client.settimeout(20)
            return message

    @case("CAPA before the login says what can be used now: with and without TLS, off loopback and on it")
    def _():
        with Client() as pop:
            expect(pop.greeted.startswith(b"+OK mini.example"), pop.greeted)
            equal(pop.capabilities(), [b"STLS", b"USER", b"SASL SCRAM-SHA-256 PLAIN LOGIN", *COMMON])
        with Client("192.0.2.7") as pop:
            equal(pop.capabilities(), [b"STLS", b"SASL SCRAM-SHA-256", *COMMON])
            pop.here.sendall(b"STLS\r\n")
            expect(pop.line().startswith(b"+OK"), "STLS")
            pop.here.sendall(b"HELLO\n")
            equal(pop.capabilities(), [b"USER", b"SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN", *COMMON])
            expect(pop.ask(b"STLS").startswith(b"-ERR"), "a second STLS")

    @case("what could be used is handed on, for CAPA behind the login: SCRAM alone, passwords, channel binding")
    def _():
        for address, has_tls, want in (("192.0.2.7", False, b"--"), ("127.0.0.1", False, b"-p"), ("192.0.2.7", True, b"-b")):
            with Client(address) as pop:
                if has_tls:
                    expect(pop.ask(b"STLS").startswith(b"+OK"), "STLS")
                    pop.here.sendall(b"HELLO\n")
                for line in (b"AUTH SCRAM-SHA-256 " + encoded(b"n,,n=alice,r=x"), encoded(b"c=biws,r=x,p=x")):
                    contains(pop.ask(line), b"+ ", line)
                pop.here.sendall(b"\r\n")
                equal(pop.process.wait(20), 0)
            equal(handed()[-2:], want)

    @case("USER and PASS: authd is asked, auth/login gets the ticket and the client, and not another byte is said")
    def _():
        with Client() as pop:
            expect(pop.ask(b"PASS x").startswith(b"-ERR"), "PASS alone")
            expect(pop.ask(b"USER alice").startswith(b"+OK"), "USER")
            pop.here.sendall(b"PASS right pass\r\n")
            pop.process.wait(20)
            equal(near.asked[-1], (b"P", [b"pop3", b"127.0.0.1", b"p", b"", b"", b"alice", b"right pass"]))
            message, client = near.handed[-1]
            equal(message, b"pop3".ljust(16) + TICKET + b"-p")
            client.sendall(b"+OK from pop3d\r\n")
            equal(pop.line(), b"+OK from pop3d")
            client.close()
            equal(pop.here.recv(1), b"", "no copy of the connection is left")

    @case("what the client sent behind its login is for pop3d, byte for byte")
    def _():
        behind = b"STAT\r\nRETR 1\r\nQU"
        with Client() as pop:
            pop.here.sendall(b"CAPA\r\nUSER alice\r\nPASS right pass\r\n" + behind)
            pop.process.wait(20)
            message, client = near.handed[-1]
            with client:
                equal(read_exactly(client, len(behind)), behind)
        with Client() as pop:
            pop.here.sendall(b"AUTH PLAIN " + encoded(b"", b"alice", b"right pass") + b"\r\n" + behind)
            pop.process.wait(20)
            with near.handed[-1][1] as client:
                equal(read_exactly(client, len(behind)), behind)

    @case("AUTH: PLAIN with and without an initial response, LOGIN, SCRAM; cancelled, malformed and unknown")
    def _():
        plain = encoded(b"", b"alice", b"right pass")
        for exchange in ([b"AUTH PLAIN " + plain], [b"auth plain", plain], [b"AUTH LOGIN", encoded(b"alice"), encoded(b"right pass")],
                         [b"AUTH LOGIN " + encoded(b"alice"), encoded(b"right pass")],
                         [b"AUTH SCRAM-SHA-256 " + encoded(b"n,,n=alice,r=x"), encoded(b"c=biws,r=x,p=x"), b""]):
            before = len(near.handed)
            with Client() as pop:
                for line in exchange[:-1]:
                    contains(pop.ask(line), b"+ ", line)
                pop.here.sendall(exchange[-1] + b"\r\n")
                equal(pop.process.wait(20), 0)
            equal(len(near.handed), before + 1, exchange)
            handed()
        with Client() as pop:
            expect(pop.ask(b"AUTH PLAIN").startswith(b"+ "), "challenge")
            expect(pop.ask(b"*").startswith(b"-ERR"), "cancelled")
            for line in (b"AUTH", b"AUTH CRAM-MD5", b"AUTH PLAIN ===", b"AUTH PLAIN " + encoded(b"x"), b"AUTH SCRAM-SHA-256-PLUS", b"AUTH GSSAPI x"):
                expect(pop.ask(line).startswith(b"-ERR"), line)
            expect(pop.ask(b"AUTH PLAIN =").startswith(b"-ERR"), "an empty response")

    @case("no password without TLS from another host, and none is asked about")
    def _():
        for address in ("192.0.2.7", "2001:db8::7", "", "nonsense", "::ffff:192.0.2.1"):
            before = len(near.asked)
            with Client(address) as pop:
                for line in (b"USER alice", b"PASS right pass", b"AUTH PLAIN " + encoded(b"", b"alice", b"right pass"), b"AUTH LOGIN"):
                    expect(pop.ask(line).startswith(b"-ERR"), (address, line))
            equal(len(near.asked), before)
        for address in ("127.9.9.9", "::1", "::ffff:127.0.0.1"):
            with Client(address) as pop:
                expect(pop.ask(b"USER alice").startswith(b"+OK"), address)

    @case("wrong passwords hear [AUTH], three end the connection; a login that is shut sounds the same")
    def _():
        with Client() as pop:
            answers = set()
            for password in (b"wrong", b"shut", b"wrong again"):
                pop.ask(b"USER alice")
                answers.add(pop.ask(b"PASS " + password))
            equal(len(answers), 1)
            expect(answers.pop().startswith(b"-ERR [AUTH]"), "[AUTH]")
            equal(pop.expect_end(), 0)
        contains(log(), "result=shut")
        expect("wrong\\x20again" not in log() and "right" not in log(), "a password is in the log")

    @case("when authd, auth/login or tlsd cannot now, that is said")
    def _():
        near.authd_is_well = False
        with Client() as pop:
            pop.ask(b"USER alice")
            expect(pop.ask(b"PASS right pass").startswith(b"-ERR [SYS/TEMP]"), "authd")
        near.authd_is_well = True
        for answer, words in ((b"N", b"-ERR [SYS/TEMP]"), (b"M", b"-ERR [IN-USE]")):
            near.answer_of_login = answer
            with Client() as pop:
                pop.ask(b"USER alice")
                expect(pop.ask(b"PASS right pass").startswith(words), answer)
                handed()
                pop.expect_end()
        near.answer_of_login = b""
        with Client() as pop:
            pop.ask(b"USER alice")
            pop.here.sendall(b"PASS right pass\r\n")
            equal(pop.expect_end(), 0, "it is not known whether a session began: nothing is said")
            handed()
        contains(log(), "why=not-handed-over")
        near.answer_of_login = b"Y"
        near.handshake = False
        with Client() as pop:
            expect(pop.ask(b"STLS").startswith(b"+OK"), "STLS")
            pop.expect_end()
        near.handshake = True
        contains(log(), "bad\\x20handshake")
        for service in ("tlsd", "authd"):
            os.rename(f"run/{service}", f"run/{service}.away")
        with Client() as pop:
            pop.ask(b"USER alice")
            expect(pop.ask(b"PASS right pass").startswith(b"-ERR [SYS/TEMP]"), "no authd")
            expect(pop.ask(b"STLS").startswith(b"-ERR [SYS/TEMP]"), "no tlsd")
        for service in ("tlsd", "authd"):
            os.rename(f"run/{service}.away", f"run/{service}")

    @case("bytes behind STLS end the connection, and none of them is obeyed")
    def _():
        for behind in (b"\r\n", b"USER alice\r\nPASS right pass\r\n", b"x"):
            before = len(near.asked)
            with Client("192.0.2.7") as pop:
                pop.here.sendall(b"STLS\r\n" + behind)
                expect(pop.line().startswith(b"-ERR"), behind)
                pop.expect_end()
            equal(len(near.asked), before)
        contains(log(), "why=behind-stls")

    @case("what was said before STLS does not count behind it; the channel's values reach authd")
    def _():
        with Client() as pop:
            pop.ask(b"USER alice")
            pop.ask(b"STLS")
            pop.here.sendall(b"HELLO\n")
            expect(pop.ask(b"PASS right pass").startswith(b"-ERR"), "USER was forgotten")
            pop.ask(b"USER bob")
            pop.here.sendall(b"PASS right pass\r\n")
            pop.process.wait(20)
            equal(near.asked[-1], (b"P", [b"pop3", b"127.0.0.1", b"p", b"\xab" * 32, b"\xcd" * 32, b"bob", b"right pass"]))
            with near.handed[-1][1] as client:
                client.sendall(b"+OK\r\n")
                equal(pop.line(), b"+OK")

    @case("TLS from the first byte on: the greeting comes behind the handshake")
    def _():
        with Client("192.0.2.7", words=["tls"], greets=False) as pop:
            pop.here.sendall(b"HELLO\n")
            expect(pop.line().startswith(b"+OK mini.example"), "greeting")
            equal(pop.capabilities()[0], b"USER")
            equal(near.asked[-1], (b"S", [b"pop3s", b"192.0.2.7"]))
            expect(pop.ask(b"STLS").startswith(b"-ERR"), "STLS")

    @case("UTF8 is handed on, and STLS may not follow it; LANG")
    def _():
        with Client() as pop:
            expect(pop.ask(b"UTF8").startswith(b"+OK"), "UTF8")
            expect(pop.ask(b"STLS").startswith(b"-ERR"), "STLS")
            expect(pop.ask(b"LANG en").startswith(b"+OK en "), "LANG")
            expect(pop.ask(b"LANG xx").startswith(b"-ERR"), "LANG xx")
            pop.ask(b"USER alice")
            pop.here.sendall(b"PASS right pass\r\n")
            pop.process.wait(20)
        equal(handed()[-2:], b"up")

    @case("a stranger's nonsense is bounded: commands, lines without end, words of the other state")
    def _():
        with Client() as pop:
            for line in (b"STAT", b"RETR 1", b"DELE 1", b"APOP a b", b"", b"\0", b"USER", b"USER " + b"x" * 2000, b"STLS x", b"UTF8 x", b"XYZZY"):
                expect(pop.ask(line).startswith(b"-ERR"), line)
            for _ in range(10):
                expect(pop.ask(b"NOOP").startswith(b"-ERR"), "NOOP")
            equal(pop.expect_end(), 0)
        with Client() as pop:
            try:
                for _ in range(2000):
                    pop.here.sendall(b"x" * 1000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            equal(pop.process.wait(20), 0)
        contains(log(), "why=long-line")
        with Client() as pop:
            equal(pop.ask(b"QUIT")[:3], b"+OK")
            equal(pop.expect_end(), 0)
        for cut in range(0, 29, 3):
            before = len(near.handed)
            with Client() as pop:
                pop.here.sendall(b"USER alice\r\nPASS right pass\r\n"[:cut])
                pop.here.shutdown(socket.SHUT_WR)
                while pop.here.recv(1000):
                    pass
            equal(len(near.handed), before, f"cut at {cut}")

finish()
