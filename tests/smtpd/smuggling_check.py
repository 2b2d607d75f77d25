#!/usr/bin/env python3
"""Every word of up to 8 bytes over {CR, LF, '.'} as message text, against the real smtpd on its descriptors.

What must come out is always one of two: one message, whose bytes are those sent with CRLF made LF, or a refusal that says
5.5.2 and leaves the queue nothing. Sent are:

    DATA, as a client sends text       dots doubled, CR LF . CR LF behind it      every word
    DATA, as a smuggler would          the word as it is, CR LF . CR LF behind it  every word
    BDAT                               the word as one chunk                      every word
    the same in pieces                 DATA: words of up to 4 bytes in all ways, the terminator included; those of 5 and 6 in all
                                       ways, their terminator whole or byte by byte; 7 and 8 byte by byte and at every one place
                                       BDAT, a chunk a piece: up to 6 bytes in all ways, 7 and 8 at every one place and byte by byte

(tests/smtpd/message_body_test.cc goes through all ways for all words inside the machine that decides.) A piece is a packet of
a SOCK_SEQPACKET pair, so that smtpd's reads are cut there and nowhere else. The queue answers with a digest of what it was
given as its ID, so the 250 shows which bytes arrived. One smtpd serves thousands of words.
"""

import hashlib
import itertools
import os
import select
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import check  # noqa: E402
from smtpd_place import PATIENCE, SMTPD, Place  # noqa: E402

LONGEST = 8
END = b"\r\n.\r\n"
BATCH = 16  # transactions under way at once


def words(length):
    return (b"".join(letters) for letters in itertools.product((b"\r", b"\n", b"."), repeat=length))


def digest(text):
    number = int.from_bytes(hashlib.blake2b(text, digest_size=12).digest(), "big")
    return "".join("0123456789abcdefghijklmnopqrstuv"[number >> 5 * i & 31] for i in range(19))


def is_malformed(content):
    without = content.replace(b"\r\n", b"")
    return b"\r" in without or b"\n" in without


def expected_of_data(stream):
    """The replies behind 354 for what follows DATA, and how much of it is the message's."""
    framed = b"\r\n" + stream
    end = framed.index(END)
    content = framed[: end + 2]
    rest = framed[end + 5 :]
    garbage = rest.count(b"\n")  # commands that nobody knows
    if is_malformed(content):
        return ["550 5.5.2"] + ["500 5.5."] * garbage
    text = content.replace(b"\r\n.", b"\r\n")[2:].replace(b"\r\n", b"\n")
    return ["250 2.0.0 Ok: queued as " + digest(text)] + ["500 5.5."] * garbage


def cuts(data, places):
    """`data` cut at these places."""
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:])]


def all_cuts(length):
    """Every set of places inside `length` bytes."""
    return itertools.chain.from_iterable(itertools.combinations(range(1, length), n) for n in range(max(length, 1)))


class Session:
    """smtpd with a packet socket as descriptors 0 and 1; started anew when its bad commands are used up."""

    MOST_BAD = 900

    def __init__(self, place):
        self.place = place
        self.process = None
        self.bad = 0
        self.waiting = []
        self.failures = []
        self.count = 0

    def start(self):
        self.end()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([SMTPD], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=self.place.path, env={})
        theirs.close()
        self.socket.settimeout(PATIENCE)
        self.lines, self.bad = [], 0
        check.expect(self.reply().startswith("220 "), "no greeting")
        self.socket.send(b"HELO c\r\n")
        check.expect(self.reply().startswith("250 "), "no answer to HELO")

    def end(self):
        if self.process:
            self.settle()
            self.socket.close()
            check.equal(self.process.wait(PATIENCE), 0, "exit code")

    def reply(self):
        while not self.lines:
            packet = self.socket.recv(1 << 17)
            check.expect(packet, "smtpd hung up")
            self.lines = packet.decode("ascii").split("\r\n")[-2::-1]
        return self.lines.pop()

    def transact(self, what, packets, expected):
        garbage = sum(reply.startswith("500") for reply in expected)
        if not self.process or self.bad + garbage > self.MOST_BAD:
            self.start()
        self.bad += garbage
        for packet in packets:
            self.socket.send(packet)
        self.waiting.append((what, expected))
        self.count += 1
        if len(self.waiting) >= BATCH:
            self.settle()

    def settle(self):
        for what, expected in self.waiting:
            got = [self.reply() for _ in expected]
            if not all(reply.startswith(want) for reply, want in zip(got, expected)):
                self.failures.append(f"{what}: {got}, not {expected}")
                check.expect(len(self.failures) < 10, "; ".join(self.failures))
        self.waiting = []

    def data(self, pieces):
        expected = ["250 2.1.0", "250 2.1.5", "354 "] + expected_of_data(b"".join(pieces))
        self.transact(f"DATA {pieces}", [b"MAIL FROM:<>\r\nRCPT TO:<bob@here.example>\r\nDATA\r\n", *pieces], expected)

    def bdat(self, chunks):
        word = b"".join(chunks)
        expected = ["250 2.1.0", "250 2.1.5"]
        packets = [b"MAIL FROM:<>\r\nRCPT TO:<bob@here.example>\r\n"]
        seen, refused = b"", False
        for number, chunk in enumerate(chunks, 1):
            is_last = number == len(chunks)
            seen += chunk
            packets += [b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if is_last else b""), *([chunk] if chunk else [])]
            if refused:
                expected.append("503 5.5.1")
                self.bad += 1
            elif is_malformed(seen if is_last else seen.removesuffix(b"\r")):
                expected.append("550 5.5.2")
                refused = True
            else:
                expected.append("250 2.0.0 Ok: queued as " + digest(word.replace(b"\r\n", b"\n")) if is_last else "250 2.0.0 %d" % len(chunk))
        self.transact(f"BDAT {chunks}", packets, expected)

    def verdict(self, least):
        self.settle()
        check.expect(not self.failures, "; ".join(self.failures))
        check.expect(self.count >= least, f"only {self.count} transactions")
        self.end()
        self.process = None


def stuffed(word):
    return (b"\r\n" + word).replace(b"\r\n.", b"\r\n..")[2:]


def serve_queue(listener):
    """In a process of its own: answers every commit with the digest of its text."""
    clients = {}
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = [client, b"", b""]
                poll.register(client, select.EPOLLIN)
                continue
            state = clients[number]
            more = state[0].recv(1 << 16)
            if not more:
                poll.unregister(number)
                clients.pop(number)[0].close()
                continue
            state[1] += more
            while len(state[1]) >= 5:
                length = int.from_bytes(state[1][1:5], "big")
                if len(state[1]) < 5 + length:
                    break
                letter, content, state[1] = state[1][:1], state[1][5 : 5 + length], state[1][5 + length :]
                if letter == b"M":
                    state[2] += content
                elif letter == b"X":
                    state[2] = b""
                elif letter == b"C":
                    state[0].sendall(b"Y\0\0\0\x13" + digest(state[2]).encode())
                    state[2] = b""


def run(place):
    session = Session(place)
    every_word = [word for length in range(LONGEST + 1) for word in words(length)]
    check.equal(len(every_word), sum(3**n for n in range(LONGEST + 1)))

    @check.case("DATA, dots doubled")
    def _():
        for word in every_word:
            session.data([stuffed(word) + END])
        session.verdict(9841)

    @check.case("DATA, as it is")
    def _():
        for word in every_word:
            session.data([word + END])
        session.verdict(2 * 9841)

    @check.case("BDAT")
    def _():
        for word in every_word:
            session.bdat([word])
        session.verdict(3 * 9841)

    @check.case("DATA in pieces: up to 4 bytes in all ways")
    def _():
        for word in (word for length in range(5) for word in words(length)):
            stream = word + END
            for places in all_cuts(len(stream)):
                session.data(cuts(stream, places))
        session.verdict(54_403)

    @check.case("DATA in pieces: 5 and 6 bytes in all ways")
    def _():
        for word in (word for length in (5, 6) for word in words(length)):
            for places in all_cuts(len(word)):
                session.data([*cuts(word, places), END])
                session.data([*cuts(word, places), *cuts(END, range(1, 5))])
        session.verdict(108_835)

    @check.case("DATA in pieces: 7 and 8 bytes, byte by byte and at every place")
    def _():
        for word in (word for length in (7, 8) for word in words(length)):
            stream = word + END
            session.data(cuts(stream, range(1, len(stream))))
            for place in range(1, len(word) + 1):
                session.data(cuts(stream, [place]))
        session.verdict(185_380)

    @check.case("BDAT in pieces: up to 6 bytes in all ways")
    def _():
        for word in (word for length in range(7) for word in words(length)):
            for places in all_cuts(len(word)):
                session.bdat(cuts(word, places))
        session.verdict(213_374)

    @check.case("BDAT in pieces: 7 and 8 bytes, byte by byte and at every place")
    def _():
        for word in (word for length in (7, 8) for word in words(length)):
            session.bdat(cuts(word, range(1, len(word))))
            for place in range(1, len(word)):
                session.bdat(cuts(word, [place]))
        session.verdict(281_171)


def main():
    with Place() as place:
        place.control("maxbadcommands", "1000\n")
        place.control("sessionseconds", "86400\n")
        place.queue.stop()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(place.queue.path)
        listener.listen(16)
        child = os.fork()
        if child == 0:
            serve_queue(listener)
        try:
            run(place)
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
    check.finish()


main()
