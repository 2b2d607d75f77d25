#!/usr/bin/env python3
"""tls_attacker_check - somebody who sits on the wire between a client and us: he injects, strips, truncates, alters and replays

Everything that crosses passes through him, both ways. What he says himself is never executed as a word of the client's, and
what a client sent is delivered whole or not at all. A sound client (Python's ssl, the authority's certificate) and careless ones.
"""
import base64
import pathlib
import random
import socket
import ssl
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance, wait_for_exit
from tls_peer import Peer

INJECTED = "EHLO evil.example\r\nMAIL FROM:<bob@here.example>\r\nRCPT TO:<alice@here.example>\r\nDATA\r\nSubject: injected\r\n\r\nx\r\n.\r\n"
TEXT = "From: alice@here.example\r\nSubject: {}\r\n\r\nfirst\r\nsecond\r\n"


class Attacker:
    """Passes bytes on. A case replaces to_server or to_client: each gets one piece and returns the pieces to send on."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target, self.port = port, self.listener.getsockname()[1]
        self.client = self.server = None
        self.seen_from_client, self.seen_from_server = b"", b""
        self.ready = threading.Event()
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def to_server(self, piece):
        return [piece]

    def to_client(self, piece):
        return [piece]

    def accept(self):
        try:
            self.client = self.listener.accept()[0]
        except OSError:
            return
        self.server = socket.create_connection(("127.0.0.1", self.target), 30)
        for stream in (self.client, self.server):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ready.set()
        back = threading.Thread(target=self.carry, args=(self.server, self.client, False), daemon=True)
        self.threads.append(back)
        back.start()
        self.carry(self.client, self.server, True)

    def carry(self, source, sink, is_from_client):
        try:
            while piece := source.recv(65536):
                if is_from_client:
                    self.seen_from_client += piece
                else:
                    self.seen_from_server += piece
                for part in self.to_server(piece) if is_from_client else self.to_client(piece):
                    sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        """The connection ends, on both sides."""
        for stream in (self.client, self.server):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        if self.ready.is_set():
            self.cut()
        for thread in list(self.threads):
            thread.join(30)
        for stream in (self.client, self.server):
            if stream:
                stream.close()


def begins_with(piece, word):
    return piece.upper().startswith(word)


def records(stream):
    """The records of some bytes, the last one maybe not whole."""
    found, at = [], 0
    while at < len(stream):
        end = at + 5 + int.from_bytes(stream[at + 3:at + 5], "big")
        found.append(stream[at:end])
        at = end
    return found


def is_record_version(stream, place):
    """Whether that byte says a record's version, outside encryption: nobody may look at it (RFC 8446 5.1)."""
    for record in records(stream):
        if place < len(record):
            return record[0] != 0x17 and place in (1, 2)
        place -= len(record)
    return False


with Instance(users=("alice", "bob")) as mail:
    resting = {mail.service(name).pid() for name in ("tlsd", "tlsc")}
    delivered = 0

    def settle():
        """Whoever served somebody has ended, and what it accepted is delivered."""
        for pid, name in mail.processes().items():
            if name in ("smtpd", "tlsd") and pid not in resting:
                wait_for_exit(pid)
        mail.wait_for_empty_queue()

    def nothing_came():
        settle()
        equal((len(mail.messages("alice")), len(mail.messages("bob"))), (0, delivered))

    def attacked(service, to_server=None, to_client=None):
        """An attacker; the two replace what he does with one piece."""
        attacker = Attacker(mail.ports[service])
        attacker.to_server = to_server or attacker.to_server
        attacker.to_client = to_client or attacker.to_client
        return attacker

    def fails(action, *kinds):
        try:
            action()
        except (ssl.SSLError, EOFError, OSError, *kinds):
            return
        raise AssertionError("it went on as if nothing had happened")

    @case("nobody attacks: the message arrives, and he who listens has read neither password nor message")
    def _():
        global delivered  # pylint: disable=global-statement
        with attacked("submission") as attacker:
            with Peer(mail, "submission", port=attacker.port) as peer:
                equal(peer.enter("alice", "secret"), 235)
                equal(peer.deliver("alice@here.example", ["bob@here.example"], TEXT.format("quiet"))[0], 250)
            delivered += 1
            contains(attacker.seen_from_client, b"STARTTLS")
            for word in (b"secret", base64.b64encode(b"\0alice\0secret"), b"AUTH", b"MAIL", b"quiet", b"bob@"):
                expect(word not in attacker.seen_from_client + attacker.seen_from_server, repr(word))
        settle()
        equal(len(mail.messages("bob")), 1)

    for service in ("smtpd", "submission"):

        @case(f"{service}: he adds commands behind STARTTLS, in one packet: the client gets no TLS, and nothing is executed")
        def _():
            with attacked(service, to_server=lambda piece: [piece + INJECTED.encode()] if begins_with(piece, b"STARTTLS") else [piece]) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    peer.features()
                    equal(peer.code("STARTTLS"), 554)
            nothing_came()

        @case(f"{service}: he adds commands behind STARTTLS, a moment later: the handshake fails, and nothing is executed")
        def _():
            with attacked(service, to_server=lambda piece: [INJECTED.encode(), piece] if piece[:1] == b"\x16" else [piece]) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    peer.features()
                    fails(peer.starttls)
            nothing_came()

        @case(f"{service}: he says EHLO, MAIL and RCPT before the client's STARTTLS: all of it is forgotten")
        def _():
            early = b"EHLO evil.example\r\nMAIL FROM:<eve@far.example>\r\nRCPT TO:<alice@here.example>\r\n"
            with attacked(service) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    attacker.server.sendall(early)
                    for _ in range(3):
                        peer.reply()
                    equal(peer.code("STARTTLS"), 220)
                    peer.shake_hands()
                    equal(peer.code("RCPT TO:<bob@here.example>") // 100, 5)
                    equal(peer.code("DATA") // 100, 5)
            nothing_came()

        @case(f"{service}: he takes STARTTLS out of the offer: who insists on TLS leaves; who does not has sent no password that counts")
        def _():
            with attacked(service, to_client=lambda piece: [piece.replace(b"STARTTLS", b"XXXXXXXX")]) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    expect("STARTTLS" not in peer.features(), "he did not")
                    expect(peer.log_in("alice", "secret") in (502, 538), "a password was taken in the clear")
                    if service == "submission":
                        equal(peer.code("MAIL FROM:<alice@here.example>"), 530)
            nothing_came()

        @case(f"{service}: he answers STARTTLS himself, and keeps it from the server: the client gets no session")
        def _():
            answers = []

            def keep(piece):
                if not begins_with(piece, b"STARTTLS"):
                    return [piece]
                answers.append(b"220 go on\r\n")
                return [b"NOOP\r\n"]

            with attacked(service, to_server=keep, to_client=lambda piece: [answers.pop()] if answers else [piece]) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    peer.features()
                    fails(peer.starttls)
            nothing_came()

    for service in ("submission", "submissions"):

        @case(f"{service}: he cuts the connection at the last line of a message: nothing of it is delivered")
        def _():
            for is_half in (False, True):
                with attacked(service) as attacker, Peer(mail, service, port=attacker.port) as peer:
                    equal(peer.enter("alice", "secret"), 235)
                    for command in ("MAIL FROM:<alice@here.example>", "RCPT TO:<bob@here.example>", "DATA"):
                        expect(peer.code(command) in (250, 354), command)
                    peer.take(TEXT.format("truncated"))
                    attacker.to_server = lambda piece: []
                    peer.take(".\r\n")
                    if is_half:
                        attacker.server.shutdown(socket.SHUT_WR)
                    else:
                        attacker.cut()
            nothing_came()

        @case(f"{service}: he alters a byte of the message's records: the connection ends, nothing of it is delivered")
        def _():
            with attacked(service) as attacker, Peer(mail, service, port=attacker.port) as peer:
                equal(peer.enter("alice", "secret"), 235)
                for command in ("MAIL FROM:<alice@here.example>", "RCPT TO:<bob@here.example>", "DATA"):
                    expect(peer.code(command) in (250, 354), command)
                attacker.to_server = lambda piece: [piece[:-1] + bytes([piece[-1] ^ 1])]
                peer.take(TEXT.format("altered") + ".\r\n")
                fails(peer.line)
            nothing_came()

        @case(f"{service}: he repeats a record, puts two in another order, or adds one of his own: the connection ends")
        def _():
            def twice(piece):
                return [piece, piece]

            held = []

            def swapped(piece):
                held.extend(records(piece))
                return [] if len(held) == 1 else [held[1], held[0]]

            def foreign(piece):
                return [b"\x17\x03\x03\x00\x20" + bytes(32), piece]

            for change in (twice, swapped, foreign):
                held.clear()
                with attacked(service) as attacker, Peer(mail, service, port=attacker.port) as peer:
                    equal(peer.enter("alice", "secret"), 235)
                    attacker.to_server = change
                    peer.take("MAIL FROM:<alice@here.example>\r\n")
                    peer.take("RCPT TO:<bob@here.example>\r\nDATA\r\n")
                    fails(lambda: [peer.line() for _ in range(4)])  # pylint: disable=cell-var-from-loop
            nothing_came()

        @case(f"{service}: he says a whole session again that he has recorded: nothing of it counts")
        def _():
            global delivered  # pylint: disable=global-statement
            with attacked(service) as attacker:
                with Peer(mail, service, port=attacker.port) as peer:
                    equal(peer.enter("alice", "secret"), 235)
                    equal(peer.deliver("alice@here.example", ["bob@here.example"], TEXT.format("recorded"))[0], 250)
                    recorded = attacker.seen_from_client
                delivered += 1
            settle()
            plain = recorded.find(b"\x16\x03")
            for head in {recorded[:plain], b""} if plain else {b""}:
                with socket.create_connection(("127.0.0.1", mail.ports[service]), 30) as again:
                    if head:
                        stream = again.makefile("rb")
                        stream.readline()
                        again.sendall(head)
                        while not stream.readline().startswith((b"220", b"554")):
                            pass
                    try:
                        again.sendall(recorded[plain:])
                        again.shutdown(socket.SHUT_WR)
                        while again.recv(65536):
                            pass
                    except OSError:
                        pass
            nothing_came()

        @case(f"{service}: he alters one bit of a handshake, 60 times: no session comes of it")
        def _():
            chance, altered, unharmed = random.Random(20261201), 0, 0
            for side, bits in (("to_server", 30), ("to_client", 30)):
                for place, bit in [(1_000_000, 0)] + [(chance.randrange(600), chance.randrange(8)) for _ in range(bits)]:
                    passed = bytearray()  # from the first record on

                    def alter(piece, passed=passed, place=place, bit=bit):
                        if not passed and piece[:1] != b"\x16":
                            return [piece]
                        at = place - len(passed)
                        passed += piece
                        return [piece[:at] + bytes([piece[at] ^ 1 << bit]) + piece[at + 1:]] if 0 <= at < len(piece) else [piece]

                    with attacked(service, **{side: alter}) as attacker:
                        try:
                            with Peer(mail, service, port=attacker.port, patience=3) as peer:
                                if service == "submission":
                                    peer.features()
                                    peer.starttls()
                                equal(peer.code("NOOP"), 250)
                                equal(peer.socket.version(), "TLSv1.3")
                                if len(passed) <= place or is_record_version(passed, place):
                                    unharmed += 1
                                    continue
                        except (ssl.SSLError, EOFError, OSError):
                            expect(len(passed) > place, "a handshake that was not altered failed")
                            altered += 1
                            continue
                    raise AssertionError(f"{side}: bit {bit} of byte {place} was altered, and nobody minded")
            print(f"  {service}: {altered} ended, {unharmed} were not reached or met what means nothing (a record's version)", flush=True)
            expect(altered > unharmed, "too few were altered")
            nothing_came()

finish()
