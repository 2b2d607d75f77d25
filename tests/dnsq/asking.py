"""asking - dnsqd as a process of its own for a test, and a client that speaks its protocol (doc/protocols.md)"""
import collections
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from parts import netstring, read_record, record, take_fields  # noqa: E402

TYPES = {"a": 1, "cname": 5, "ptr": 12, "mx": 15, "txt": 16, "aaaa": 28, "tlsa": 52}
STATUS = {b"F": "found", b"X": "no name", b"N": "no data", b"T": "failed", b"B": "bogus"}
Answer = collections.namedtuple("Answer", "number status is_secure ttl canonical why left_out records")


def question(kind, name, number=0):
    return record(b"Q" + netstring(b"%d" % number) + netstring(b"%d" % TYPES[kind]) + netstring(name.encode()))


def parse(body):
    letter, fields = take_fields(body)
    assert letter == b"A", body[:100]
    number, status, secure, ttl, canonical, why, left_out = fields[:7]
    return Answer(int(number), STATUS[status], secure == b"S", int(ttl), canonical.decode(), why.decode(), int(left_out), sorted(fields[7:]))


class Asker:
    """A connection to dnsqd."""

    def __init__(self, seconds=60, path="run/dnsqd/s"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, kind, name, number=0):
        self.socket.sendall(question(kind, name, number))

    def next(self):
        return parse(read_record(self.socket))

    def ask(self, kind, name):
        self.send(kind, name)
        return self.next()

    def ask_all(self, questions):
        """Answers by number, of questions that are all under way at once."""
        for number, (kind, name) in enumerate(questions):
            self.send(kind, name, number)
        return dict(sorted((answer.number, answer) for answer in (self.next() for _ in questions)))


def start_dnsqd(parts, **control):
    """dnsqd as pn-dns with these control files, confined, ready."""
    for name, text in control.items():
        parts.control(name, text)
    return parts.serve("dnsqd", ["dnsq/dnsqd"], user="pn-dns")
