"""hostile - a name server that answers as it is told to, byte for byte, by UDP and TCP

ANSWERS is the table: what it does when it is asked for NAME.evil.example, and what dnsqd's client must hear then. A behaviour gets
the query and says what to send: bytes are one message, `[]` nothing, `Raw` bytes of a TCP stream as they are (no length in
front), and a list several of them. By UDP it is asked with `is_tcp` False, and `reply` sends a message later.
"""
import collections
import socket
import struct
import threading

ZONE = "evil.example"
FROM_ELSEWHERE = "from elsewhere"
Query = collections.namedtuple("Query", "id flags name kind question has_edns is_tcp reply", defaults=(None,))
Row = collections.namedtuple("Row", "name kind behave status records left_out canonical", defaults=((), 0, None))


class Raw(bytes):
    """Sent on TCP as it is."""


class Elsewhere(bytes):
    """Sent by UDP from another port."""


def name(text):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in text.split(".") if label) + b"\0"


def labels(*parts):
    """A name whose labels may hold any bytes."""
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def rr(kind, data, owner=b"\xc0\x0c", ttl=300, kind_class=1, length=None):
    return owner + struct.pack(">HHIH", kind, kind_class, ttl & 0xFFFFFFFF, len(data) if length is None else length) + data


def message(query, answers=(), authority=(), additional=(), flags=0x8400, rcode=0, identity=None, question=None, counts=None):
    counts = counts or (1, len(answers), len(authority), len(additional))
    head = struct.pack(">HHHHHH", query.id if identity is None else identity, flags | rcode, *counts)
    return head + (query.question if question is None else question) + b"".join([*answers, *authority, *additional])


A, CNAME, SOA, PTR, MX, TXT = 1, 5, 6, 12, 15, 16
GOOD = b"\xc0\x00\x02\x01"
SOA_DATA = name("ns." + ZONE) + name("root." + ZONE) + struct.pack(">IIIII", 1, 3600, 600, 86400, 60)
NO = [rr(SOA, SOA_DATA, owner=name(ZONE), ttl=60)]


def good(query):
    return message(query, [rr(A, GOOD)])


def mx(host, preference=10):
    return rr(MX, struct.pack(">H", preference) + host)


def txt(*strings):
    return rr(TXT, b"".join(bytes([len(one)]) + one for one in strings))


def by_tcp(answer):
    """Truncated by UDP; by TCP `answer`."""
    return lambda query: answer(query) if query.is_tcp else message(query, flags=0x8600)


def one(*answers, **words):
    return lambda query: message(query, answers, **words)


def chain(length, start):
    """Behaviours: CNAMEs start, start-1 ... start-LENGTH; the last has an address."""
    links = [f"{start}-{i}" if i else start for i in range(length + 1)]
    return {link: one(rr(CNAME, here(target))) for link, target in zip(links, links[1:])} | {links[-1]: good}


def without_edns(query):
    return message(query, rcode=1, counts=(0, 0, 0, 0), question=b"") if query.has_edns else good(query)


def here(label):
    return name(f"{label}.{ZONE}")


CHAINS = chain(8, "chain-of-8") | chain(40, "chain-of-40")
GOOD_RECORD = (b"A192.0.2.1",)
MANY_STRINGS = [b"%03d" % i + b"x" * 250 for i in range(240)]
METACHARACTERS = labels(b"$(reboot)", b"`id`", b";|&<>*?'\"\\", b"example")

# What it does, in the order of the classes: sound; loops and pointers; lengths; truncation; too much; CNAMEs; identities and
# questions; bytes in names; codes and flags.
ANSWERS = [
    Row("sound", "a", good, "found", GOOD_RECORD),
    Row("sound-mx", "mx", one(mx(here("mx"))), "found", (b"M10 mx.evil.example",)),
    Row("sound-none", "a", lambda query: message(query, (), NO), "no data"),
    Row("sound-no-name", "a", lambda query: message(query, (), NO, rcode=3), "no name"),
    Row("null-mx", "mx", one(mx(b"\0", 0)), "found", (b"M0 .",)),

    Row("owner-points-to-itself", "a", lambda query: message(query, [rr(A, GOOD, owner=struct.pack(">H", 0xC000 | 12 + len(query.question)))]), "failed"),
    Row("host-points-to-itself", "mx", lambda query: message(query, [mx(struct.pack(">H", 0xC000 | 12 + len(query.question) + 14))]), "failed"),
    Row("two-pointers-in-a-ring", "cname", lambda query: message(query, [rr(CNAME, struct.pack(">HH", 0xC000 | 12 + len(query.question) + 14,
                                                                                              0xC000 | 12 + len(query.question) + 12))]), "failed"),
    Row("points-beyond", "mx", one(mx(b"\xff\xff")), "failed"),
    Row("points-into-the-head", "mx", one(mx(b"\xc0\x02")), "failed"),  # the flags are no length of a label
    Row("label-of-64", "mx", one(mx(bytes([64]) + b"a" * 64 + b"\0")), "failed"),
    Row("label-of-kind-2", "mx", one(mx(b"\x80a\0")), "failed"),
    Row("name-of-300", "mx", one(mx(labels(*[b"a" * 59] * 5))), "failed"),
    Row("name-without-end", "mx", one(mx(b"\x05abc")), "failed"),

    Row("length-beyond-the-end", "a", one(rr(A, GOOD, length=400)), "failed"),
    Row("length-too-short", "a", one(rr(A, GOOD, length=2)), "found", (), 1),
    Row("address-of-3", "a", one(rr(A, b"abc")), "found", (), 1),
    Row("address-of-16", "a", one(rr(A, b"a" * 16)), "found", (), 1),
    Row("mx-of-1", "mx", one(rr(MX, b"\0")), "failed"),
    Row("mx-of-2", "mx", one(rr(MX, b"\0\x0a")), "found", (), 1),
    Row("mx-of-0", "mx", one(rr(MX, b"")), "found", (), 1),
    Row("text-longer-than-itself", "txt", one(rr(TXT, b"\xffabc")), "found", (), 1),
    Row("more-records-than-there-are", "a", lambda query: message(query, [rr(A, GOOD)], counts=(1, 1000, 0, 0)), "failed"),
    Row("fewer-records-than-there-are", "a", lambda query: message(query, [rr(A, GOOD), rr(A, b"\xc0\0\2\2")], counts=(1, 1, 0, 0)), "found", GOOD_RECORD),
    Row("no-bytes", "a", lambda query: b"", "failed"),
    Row("one-byte", "a", lambda query: b"x", "failed"),
    Row("half-a-head", "a", lambda query: message(query)[:7], "failed"),
    Row("head-only", "a", lambda query: message(query)[:12], "failed"),
    Row("rubbish-behind", "a", lambda query: good(query) + b"\xff" * 300, "found", GOOD_RECORD),

    Row("truncated", "a", by_tcp(good), "found", GOOD_RECORD),
    Row("truncated-by-tcp-too", "a", lambda query: message(query, flags=0x8600), "failed"),
    Row("truncated-then-closed", "a", by_tcp(lambda query: Raw()), "failed"),
    Row("truncated-then-rubbish", "a", by_tcp(lambda query: Raw(b"\0\5hello")), "failed"),
    Row("truncated-then-half", "a", by_tcp(lambda query: Raw(struct.pack(">H", 1000) + good(query))), "failed"),
    Row("truncated-then-length-0", "a", by_tcp(lambda query: Raw(b"\0\0" * 100)), "failed"),

    Row("giant-text", "txt", by_tcp(one(txt(*MANY_STRINGS))), "found", (b"T" + b"".join(MANY_STRINGS),)),
    Row("text-of-nothing", "txt", one(txt(b""), txt(b"", b"")), "found", (b"T", b"T")),
    Row("256-mx", "mx", by_tcp(one(*(mx(here(f"mx{i}"), i) for i in range(256)))), "found", tuple(b"M%d mx%d.evil.example" % (i, i) for i in range(256))),
    Row("300-mx", "mx", by_tcp(one(*(mx(here(f"mx{i}"), i) for i in range(300)))), "failed"),
    Row("257-addresses", "a", by_tcp(one(*(rr(A, struct.pack(">I", 0xC0000200 + i)) for i in range(257)))), "failed"),

    Row("cname", "a", one(rr(CNAME, here("target")), rr(A, GOOD, owner=here("target"))), "found", GOOD_RECORD, 0, "target.evil.example"),
    Row("cname-to-itself", "a", one(rr(CNAME, here("cname-to-itself"))), "failed"),
    Row("cname-ring", "a", lambda query: message(query, [rr(CNAME, here("cname-ring-2"))]), "failed"),
    Row("chain-of-8", "a", CHAINS["chain-of-8"], "found", GOOD_RECORD, 0, "chain-of-8-8.evil.example"),
    Row("chain-of-40", "a", CHAINS["chain-of-40"], "failed"),
    Row("cname-and-data", "a", one(rr(A, GOOD), rr(CNAME, here("target"))), "found", GOOD_RECORD),

    Row("wrong-identity", "a", lambda query: message(query, [rr(A, GOOD)], identity=query.id ^ 1), "failed"),
    Row("wrong-then-right-identity", "a", lambda query: [message(query, [rr(A, b"\x42\x42\x42\x42")], identity=query.id ^ 1), good(query)], "found", GOOD_RECORD),
    Row("from-another-port", "a", lambda query: [Elsewhere(message(query, [rr(A, b"\x42\x42\x42\x42")])), good(query)], "found", GOOD_RECORD),
    Row("another-question", "a", lambda query: message(query, [rr(A, GOOD)], question=here("elsewhere") + b"\0\1\0\1"), "failed"),
    Row("another-type", "mx", lambda query: message(query, [rr(A, GOOD)], question=query.question[:-4] + b"\0\1\0\1"), "failed"),
    Row("no-question", "a", lambda query: message(query, [rr(A, GOOD, owner=here("no-question"))], question=b"", counts=(0, 1, 0, 0)), "failed"),
    Row("not-a-response", "a", lambda query: message(query, [rr(A, GOOD)], flags=0x0400), "failed"),
    Row("answer-for-another-name", "a", one(rr(A, GOOD, owner=here("victim"))), "no data"),
    Row("answer-of-another-zone", "a", one(rr(A, GOOD), rr(A, b"\x42\x42\x42\x42", owner=name("mx.good.example"))), "found", GOOD_RECORD),
    Row("poison-beside", "a", lambda query: message(query, [rr(A, GOOD)], [rr(2, here("ns"), owner=name("good.example"))],
                                                    [rr(A, b"\x42\x42\x42\x42", owner=name("mx.good.example"))]), "found", GOOD_RECORD),
    Row("another-class", "a", one(rr(A, GOOD, kind_class=3)), "no data"),

    Row("nul-in-host", "mx", one(mx(labels(b"a\0b", b"example"))), "found", (), 1),
    Row("blank-in-host", "mx", one(mx(labels(b"a b", b"example"))), "found", (), 1),
    Row("line-end-in-host", "mx", one(mx(labels(b"a\r\nRCPT TO:<x>", b"example"))), "found", (), 1),
    Row("metacharacters-in-host", "mx", one(mx(METACHARACTERS), mx(here("mx"), 20)), "found", (b"M20 mx.evil.example",), 1),
    Row("dot-in-a-label", "mx", one(mx(labels(b"mx.evil", b"example"))), "found", (), 1),
    Row("eight-bit-host", "mx", one(mx(labels(b"b\xc3\xbccher", b"example"))), "found", (), 1),
    Row("nul-in-ptr", "ptr", one(rr(PTR, labels(b"a\0b"))), "found", (), 1),
    Row("metacharacters-in-ptr", "ptr", one(rr(PTR, METACHARACTERS)), "found", (), 1),
    Row("nul-in-cname", "cname", one(rr(CNAME, labels(b"a\0b", b"X"))), "found", (b"Na\\000b.x",)),
    Row("escape-in-cname", "cname", one(rr(CNAME, labels(b"\x1b[2J", b"\x9b"))), "found", (b"N\\027[2j.\\155",)),
    Row("nul-in-text", "txt", one(txt(b"a\0b\r\n\x1b[2J$(id)")), "found", (b"Ta\0b\r\n\x1b[2J$(id)",)),
    Row("capitals", "mx", one(mx(name("MX.Evil.EXAMPLE"))), "found", (b"M10 mx.evil.example",)),

    Row("format-error", "a", one(rcode=1), "failed"),
    Row("server-failure", "a", one(rcode=2), "failed"),
    Row("not-implemented", "a", one(rcode=4), "failed"),
    Row("refused", "a", one(rcode=5), "failed"),
    Row("code-11", "a", one(rcode=11), "failed"),
    Row("no-edns", "a", without_edns, "found", GOOD_RECORD),
    Row("ttl-0", "a", one(rr(A, GOOD, ttl=0)), "found", GOOD_RECORD),
    Row("ttl-negative", "a", one(rr(A, GOOD, ttl=-1)), "found", GOOD_RECORD),
    Row("no-authority-for-no", "a", lambda query: message(query), "no data"),
    Row("silence", "a", lambda query: [], "failed"),
]
BEHAVIOUR = CHAINS | {row.name: row.behave for row in ANSWERS} | {
    "cname-ring-2": lambda query: message(query, [rr(CNAME, here("cname-ring"))]),
    "target": good,
}


class HostileServer:
    """Serves ANSWERS, and what `more` adds, on a loopback port until it is closed. `asked` holds every query."""

    def __init__(self, port, more=None):
        self.behaviour = BEHAVIOUR | (more or {})
        self.asked = []
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", port))
        self.listener = socket.create_server(("127.0.0.1", port), backlog=200)
        self.server = f"127.0.0.1@{port}"
        for work in (self._serve_datagrams, self._serve_connections):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one_socket in (self.datagrams, self.listener):
            one_socket.close()

    def _answers(self, text, is_tcp, reply=None):
        at, parts = 12, []
        while text[at]:
            parts.append(text[at + 1 : at + 1 + text[at]].decode("latin-1").lower())
            at += 1 + text[at]
        identity, flags, _, _, _, additional = struct.unpack(">HHHHHH", text[:12])
        query = Query(identity, flags, ".".join(parts), struct.unpack(">H", text[at + 1 : at + 3])[0], text[12 : at + 5], additional > 0, is_tcp, reply)
        self.asked.append(query)
        behave = self.behaviour.get(query.name.removesuffix("." + ZONE))
        if behave is None:
            return [message(query, (), NO, rcode=3)]
        done = behave(query)
        return done if isinstance(done, list) else [done]

    def _serve_datagrams(self):
        while True:
            try:
                text, peer = self.datagrams.recvfrom(65536)
                for answer in self._answers(text, False, lambda late, peer=peer: self.datagrams.sendto(late, peer)):
                    (self.elsewhere if isinstance(answer, Elsewhere) else self.datagrams).sendto(answer, peer)
            except OSError:
                return

    def _serve_connections(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(stream,), daemon=True).start()

    def _serve_connection(self, stream):
        with stream, stream.makefile("rb") as reader:
            try:
                while True:
                    length = struct.unpack(">H", reader.read(2))[0]
                    for answer in self._answers(reader.read(length), True):
                        stream.sendall(answer if isinstance(answer, Raw) else struct.pack(">H", len(answer)) + answer)
                        if isinstance(answer, Raw):
                            return
            except (OSError, struct.error):
                return
