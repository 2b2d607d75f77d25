#!/usr/bin/env python3
"""inject against a queue that records: headers, recipients, senders, line ends, refusals, exit codes"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from check import case, contains, equal, expect, finish, skip  # noqa: E402

INJECT = os.path.join(ROOT, os.environ.get("BUILD", "build"), "inject", "inject")
ID = b"1j5q0g8v0abcdefgh0v"


class Queue:
    """A directory with control files and a listening run/queue-anyone/s whose requests are kept."""

    def __init__(self):
        self.place = tempfile.TemporaryDirectory(prefix="inject-")
        self.dir = self.place.name
        os.chmod(self.dir, 0o755)
        self.program = shutil.copy(INJECT, f"{self.dir}/inject")  # where every uid can reach it
        for name in ("control", "run", "run/queue-anyone"):
            os.mkdir(f"{self.dir}/{name}", 0o755)
        self.set("me", "here.example")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.dir}/run/queue-anyone/s")
        os.chmod(f"{self.dir}/run/queue-anyone/s", 0o666)
        self.listener.listen(20)
        self.answer = (b"Y", ID)
        self.crowded = 0  # so many connections are refused at once, as queue-inject refuses an eleventh one of a uid
        self.requests = []
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, name, text):
        with open(f"{self.dir}/control/{name}", "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def clear(self, name):
        os.unlink(f"{self.dir}/control/{name}")

    def _serve(self):
        while True:
            client, _ = self.listener.accept()
            if self.crowded > 0:
                self.crowded -= 1
                text = b"4.7.0 too many connections of this uid at once"
                with client:
                    client.sendall(b"T" + len(text).to_bytes(4, "big") + text)
                continue
            with client, client.makefile("rb") as stream:
                request = {b"M": bytearray(), b"E": bytearray()}  # bytes would be copied with each piece
                while head := stream.read(5):
                    content = stream.read(int.from_bytes(head[1:], "big"))
                    if head[:1] in request:
                        request[head[:1]] += content
                    elif head[:1] == b"C":
                        self.requests.append((bytes(request[b"M"]), bytes(request[b"E"])))
                        letter, text = self.answer
                        client.sendall(letter + len(text).to_bytes(4, "big") + text)

    def run(self, *words, message=b"", environment=None, uid=None):
        self.requests.clear()
        return subprocess.run([self.program, *words], input=message, capture_output=True, check=False, cwd="/", user=uid, timeout=60,
                              env={"POSTERN_DIR": self.dir, "USER": "me", **(environment or {})})

    def inject(self, *words, **named):
        """Runs inject, which must succeed, and gives what the queue got: message, sender, recipients, letters of the envelope."""
        done = self.run(*words, **named)
        equal((done.returncode, done.stderr, done.stdout), (0, b"", b""), "inject")
        equal(len(self.requests), 1, "requests")
        message, envelope = self.requests[0]
        records = []
        while envelope:
            match = re.match(rb"([a-z])([0-9]+):", envelope)
            end = match.end() + int(match[2])
            records.append((match[1].decode(), envelope[match.end():end]))
            equal(envelope[end:end + 1], b",")
            envelope = envelope[end + 1:]
        sender = [value for letter, value in records if letter == "s"]
        equal(len(sender), 1)
        return message, sender[0], [value for letter, value in records if letter == "r"], dict(records)

    def refused(self, code, *words, **named):
        done = self.run(*words, **named)
        equal((done.returncode, done.stdout), (code, b""), done.stderr)
        expect(re.fullmatch(rb"inject: [^\n]+\n", done.stderr), f"one line of why, got {done.stderr!r}")
        return done.stderr.decode()


queue = Queue()
WHOLE = b"Date: Sun, 22 Nov 2026 07:02:17 +0000\nMessage-ID: <1@x.example>\nFrom: a@b.example\nTo: c@d.example\n"


def fields(message):
    header, _, body = message.partition(b"\n\n")
    return [line.split(b":", 1)[0] for line in header.split(b"\n") if line[:1] not in b" \t"], body


@case("a complete message leaves as it came")
def _():
    message, sender, recipients, records = queue.inject(message=WHOLE + b"\nbody\n")
    equal(message, WHOLE + b"\nbody\n")
    equal((sender, recipients), (b"me@here.example", [b"c@d.example"]))
    equal(sorted(records), ["o", "r", "s"])
    equal(records["o"], b"l")


@case("Date, Message-ID, From and Cc are added where they are missing")
def _():
    message, _, recipients, _ = queue.inject("x@y.example", message=b"Subject: s\n\nbody\n")
    names, body = fields(message)
    equal(names, [b"Subject", b"Date", b"Message-ID", b"From", b"Cc"])
    equal((body, recipients), (b"body\n", [b"x@y.example"]))
    expect(re.search(rb"^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [1-9][0-9]? [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} \+0000$", message, re.M), message)
    expect(re.search(rb"^Message-ID: <[0-9a-v]{19}@here\.example>$", message, re.M), message)
    contains(message, b"\nFrom: me@here.example\n")
    contains(message, b"\nCc: recipient list not shown: ;\n")


@case("no input at all is an empty message")
def _():
    message, _, _, _ = queue.inject("x@y.example")
    equal(fields(message), ([b"Date", b"Message-ID", b"From", b"Cc"], b""))


@case("Bcc, Resent-Bcc, Return-Path and Content-Length never leave")
def _():
    secret = b"bCC : hidden@h.example,\n  more@h.example\nResent-Bcc: old@h.example\nReturn-Path: <bounce@b.example>\nContent-Length: 5\n"
    message, sender, recipients, _ = queue.inject("-A", message=b"Subject: x\n" + secret + WHOLE + b"\nBcc: body@b.example\n")
    for word in (b"hidden", b"more@", b"old@", b"bounce@", b"Content-Length"):
        expect(word not in message, f"{word} left: {message}")
    contains(message, b"\n\nBcc: body@b.example\n")
    equal(sender, b"bounce@b.example")
    equal(recipients, [b"old@h.example"], "a forwarded message's")
    _, _, recipients, _ = queue.inject(message=WHOLE + b"Bcc: hidden@h.example, second@h.example\n\n")
    equal(recipients, [b"c@d.example", b"hidden@h.example", b"second@h.example"])


@case("-a, -h, -A and -H choose the recipients")
def _():
    for words, wanted in ((("-a", "x@y.example"), [b"x@y.example"]), (("-h", "x@y.example"), [b"c@d.example"]),
                          (("-A", "x@y.example"), [b"x@y.example"]), (("-A",), [b"c@d.example"]), ((), [b"c@d.example"]),
                          (("-H", "x@y.example"), [b"x@y.example", b"c@d.example"]), (("-H", "c@D.example"), [b"c@d.example"])):
        equal(queue.inject(*words, message=WHOLE + b"\n")[2], wanted, words)
    contains(queue.refused(100, "-a", message=WHOLE), "no recipients")
    contains(queue.refused(100, "-h", message=b"Subject: x\n\n"), "no recipients")


@case("a forwarded message has the recipients and the additions of its Resent- fields")
def _():
    message, _, recipients, _ = queue.inject(message=WHOLE + b"Resent-To: new@n.example\n\nbody\n")
    equal(recipients, [b"new@n.example"])
    equal(fields(message)[0], [b"Date", b"Message-ID", b"From", b"To", b"Resent-To", b"Resent-Date", b"Resent-Message-ID", b"Resent-From"])
    message, _, _, _ = queue.inject("x@y.example", message=b"Resent-From: a@b.example\n\n")
    contains(message, b"\nResent-Cc: recipient list not shown: ;\n")


@case("short addresses are completed in place, with qmail's rules")
def _():
    queue.set("defaulthost", "mail")
    queue.set("defaultdomain", "dom.example")
    queue.set("plusdomain", "plus.example")
    queue.set("idhost", "ids.example")
    try:
        message, sender, recipients, _ = queue.inject(message=b"To: fred (at home), Barney <barney@work>,\n\twilma@x+\nReply-To: r\n\n")
        contains(message, b"To: fred@mail.dom.example (at home), Barney <barney@work.dom.example>,\n\twilma@x.plus.example\n")
        contains(message, b"\nReply-To: r@mail.dom.example\n")
        contains(message, b"@ids.example>")
        equal(recipients, [b"fred@mail.dom.example", b"barney@work.dom.example", b"wilma@x.plus.example"])
        equal(sender, b"me@mail.dom.example")
        equal(queue.inject("fred", "b@work", '"a b"@x+', "c d@x.y")[2],
              [b"fred@mail.dom.example", b"b@work.dom.example", b'"a b"@x.plus.example', b'"c d"@x.y'])
        _, sender, _, _ = queue.inject("x@y.z", environment={"QMAILDEFAULTHOST": "other.example"})
        equal(sender, b"me@other.example")
    finally:
        for name in ("defaulthost", "defaultdomain", "plusdomain", "idhost"):
            queue.clear(name)


@case("environment variables name From and sender")
def _():
    for environment, from_line, sender in (
            ({}, b"From: me@here.example", b"me@here.example"),
            ({"USER": "", "LOGNAME": "log"}, b"From: log@here.example", b"log@here.example"),
            ({"USER": "", "LOGNAME": ""}, b"From: anonymous@here.example", b"anonymous@here.example"),
            ({"MAILUSER": "mu"}, b"From: mu@here.example", b"mu@here.example"),
            ({"MAILUSER": "mu", "QMAILUSER": "qu", "QMAILHOST": "qh.example", "MAILHOST": "mh.example"}, b"From: qu@qh.example", b"qu@qh.example"),
            ({"NAME": "A B"}, b"From: A B <me@here.example>", b"me@here.example"),
            ({"NAME": "n", "MAILNAME": "m", "QMAILNAME": "A. \"B\""}, b'From: "A. \\"B\\"" <me@here.example>', b"me@here.example"),
            ({"NAME": "J\u00f6rg M"}, b"From: =?utf-8?Q?J=C3=B6rg_M?= <me@here.example>", b"me@here.example"),
            ({"NAME": "A (B)", "QMAILINJECT": "c"}, b"From: me@here.example (A \\(B\\))", b"me@here.example"),
            ({"NAME": "x\nBcc: evil@e.example"}, b'From: "x Bcc: evil@e.example" <me@here.example>', b"me@here.example"),
            ({"QMAILUSER": "a b"}, b'From: "a b"@here.example', b'"a b"@here.example'),
            ({"QMAILSUSER": "su", "QMAILSHOST": "sh.example"}, b"From: me@here.example", b"su@sh.example")):
        message, got, _, _ = queue.inject("x@y.example", environment=environment)
        contains(message, b"\n" + from_line + b"\n", environment)
        equal(got, sender, environment)


@case("QMAILINJECT's letters")
def _():
    header = b"From: old@o.example\nMessage-ID: <old@o.example>\nReturn-Path: <rp@r.example>\nTo: c@d.example\n\n"
    message, sender, _, _ = queue.inject(message=header, environment={"QMAILINJECT": "sfi"})
    expect(b"old@" not in message and b"rp@" not in message, message)
    contains(message, b"\nFrom: me@here.example\n")
    equal(sender, b"me@here.example")
    _, sender, _, _ = queue.inject(message=WHOLE, environment={"QMAILINJECT": "m"})
    expect(re.fullmatch(rb"me-[0-9]{10}\.[0-9]+@here\.example", sender), sender)
    contains(queue.refused(100, message=WHOLE, environment={"QMAILINJECT": "r"}), "QMAILINJECT")


@case("-f, Return-Path and environment name the sender, in this order")
def _():
    path = WHOLE + b"Return-Path: <rp@r.example>\n\n"
    environment = {"QMAILSUSER": "s", "QMAILSHOST": "s.example"}
    equal(queue.inject("-f", "f@f.example", message=path, environment=environment)[1], b"f@f.example")
    equal(queue.inject("-ff", message=path, environment=environment)[1], b"f@here.example")
    equal(queue.inject("-f", "", message=path, environment=environment)[1], b"")
    equal(queue.inject("-f<>", message=path, environment=environment)[1], b"")
    equal(queue.inject("-f", "#@[]", message=path, environment=environment)[1], b"")
    equal(queue.inject(message=path, environment=environment)[1], b"rp@r.example")
    equal(queue.inject(message=WHOLE + b"Return-Path: <>\n\n", environment=environment)[1], b"")
    equal(queue.inject(message=WHOLE, environment=environment)[1], b"s@s.example")
    queue.refused(100, message=path.replace(b"<rp@r.example>", b"a@b.c, d@e.f"))


@case("line ends become LF, a lone CR stays, the last line is ended")
def _():
    for body, wanted in ((b"a\r\nb\r\n", b"a\nb\n"), (b"a\rb\r\r\n", b"a\rb\r\n"), (b"a", b"a\n"), (b"a\r", b"a\r\n"), (b"\r\n", b"\n"),
                         (b"\0\xff\n.\n", b"\0\xff\n.\n"), (b"\n\n\n", b"\n\n\n")):
        message, _, _, records = queue.inject(message=WHOLE + b"\n" + body)
        equal(message, WHOLE + b"\n" + wanted, body)
        equal(records.get("f"), b"8" if b"\xff" in body else None)
    message, _, _, _ = queue.inject(message=(WHOLE + b"\nbody\n").replace(b"\n", b"\r\n"))
    equal(message, WHOLE + b"\nbody\n")


@case("CR and LF at all places of pieces of 65,536 bytes")
def _():
    for at in range(65530, 65540):
        body = b"x" * (at - len(WHOLE) - 1) + b"\r\n\r\r\ny\r"
        equal(queue.inject(message=WHOLE + b"\n" + body)[0], WHOLE + b"\n" + body[:-7] + b"\n\r\ny\r\n", at)


@case("a missing empty line is put in, a mailbox file's first line is dropped")
def _():
    equal(queue.inject(message=WHOLE + b"no field\n\nmore\n")[0], WHOLE + b"\nno field\n\nmore\n")
    equal(queue.inject(message=b"From me Sun Nov 22 07:02:17 2026\n" + WHOLE + b"\nFrom x\n")[0], WHOLE + b"\nFrom x\n")
    message, _, _, _ = queue.inject("x@y.z", message=b"\nTo: body@b.example\n")
    equal(fields(message)[1], b"To: body@b.example\n")
    message, _, _, _ = queue.inject("x@y.z", message=b"just text")
    equal(fields(message)[1], b"just text\n")


@case("a message of 40 MB goes through in little memory")
def _():
    body = b"0123456789abcdef" * 64 + b"\n"
    message, _, _, _ = queue.inject(message=WHOLE + b"\n" + body * 40000)
    expect(message == WHOLE + b"\n" + body * 40000, "the bytes differ")


@case("UTF-8 in addresses or header is said to the queue")
def _():
    equal(queue.inject("b\u00fc@x.example", message=b"Subject: s\n\n")[3]["f"], b"u")
    equal(queue.inject(message="Subject: \u00fc\n".encode() + WHOLE)[3]["f"], b"8u")


@case("-v prints the ID, -n the message, and nothing else does")
def _():
    done = queue.run("-v", message=WHOLE)
    equal((done.returncode, done.stdout, done.stderr), (0, ID + b"\n", b""))
    done = queue.run("-n", message=WHOLE + b"Bcc: h@h.example\n\nbody\n")
    equal((done.returncode, done.stdout, done.stderr), (0, WHOLE + b"\nbody\n", b""))
    equal(queue.requests, [])


@case("--dir names the directory, in front of POSTERN_DIR")
def _():
    for words in (("--dir", queue.dir), (f"--dir={queue.dir}",), ("-h", "--dir", queue.dir)):
        equal(queue.inject(*words, message=WHOLE, environment={"POSTERN_DIR": "/nowhere"})[2], [b"c@d.example"])
    contains(queue.refused(100, "--dir", "/nowhere/at/all", message=WHOLE), "/nowhere/at/all")
    equal(queue.inject("--", "-odd@x.example", message=b"\n")[2], [b"-odd@x.example"])


@case("what is wrong is named, with exit code 100")
def _():
    for words, message, word in ((("-z",), b"", "-z"), (("--odd",), b"", "--odd"), (("-f",), b"", "-f"), (("a@",), b"", "a@"), (("@x",), b"", "@x"),
                                 (("",), b"", "not an address"), (("a@b..c",), b"", "a@b..c"), (("a\nb@c.d",), b"", "not an address"),
                                 (("-f", "a@b@", "x@y.z"), b"", "a@b@"),
                                 ((), b"To: a@b.c, (open\n\n", "To: a comment does not end in a@b.c, (open"),
                                 ((), b"Cc: <>\n\n", "Cc: "), (("x@y.z",), b"From: a@b@c\n\n", "From: "), ((), b"Bcc: a;\n\n", "Bcc: "),
                                 ((), WHOLE + b"Received: x\n" * 101, "loop"),
                                 ((), b"Subject: " + b"x" * 300000, "maxheaderbytes"),
                                 ((), b"A: b\n" * 60000 + b"\n", "maxheaderbytes")):
        contains(queue.refused(100, *words, message=message), word)
        equal(queue.requests, [])
    queue.inject(message=WHOLE + b"Received: x\n" * 100)


@case("control files that are missing or wrong are named")
def _():
    queue.set("maxheaderbytes", "many")
    contains(queue.refused(100, message=WHOLE), "control/maxheaderbytes")
    queue.clear("maxheaderbytes")
    queue.set("idhost", "a b")
    contains(queue.refused(100, message=WHOLE), "idhost")
    queue.clear("idhost")
    queue.set("maxheaderbytes", "1024")
    contains(queue.refused(100, message=b"X: " + b"y" * 1030 + b"\n" + WHOLE), "maxheaderbytes")
    queue.clear("maxheaderbytes")
    os.rename(f"{queue.dir}/control/me", f"{queue.dir}/control/was")
    contains(queue.refused(100, message=WHOLE), "control/me")
    os.rename(f"{queue.dir}/control/was", f"{queue.dir}/control/me")


@case("what the queue says becomes exit code and message")
def _():
    queue.answer = (b"T", b"4.3.1 the queue's disk is nearly full")
    contains(queue.refused(111, message=WHOLE), "4.3.1 the queue's disk is nearly full")
    queue.answer = (b"P", b"5.7.0 not for you\n\x1b[2J")
    text = queue.refused(100, message=WHOLE)
    contains(text, "5.7.0 not for you")
    expect("\x1b" not in text, "a control character reached the terminal")
    queue.answer = (b"Y", b"not an id")
    expect(queue.run(message=WHOLE).returncode != 0, "taken for accepted")
    queue.answer = (b"Y", ID)


@case("where too many of one uid send at once, a message waits for its turn")
def _():
    for size in (10, 300_000):
        queue.crowded = 3
        body = b"x" * size + b"\n"
        equal(queue.inject(message=WHOLE + b"\n" + body)[0], WHOLE + b"\n" + body)
        equal(queue.crowded, 0)
    queue.crowded = 1  # too long to be held for a second try
    contains(queue.refused(111, message=WHOLE + b"\n" + b"x\n" * 5_000_000), "too many connections")


@case("no queue there is a temporary error that says so")
def _():
    os.rename(f"{queue.dir}/run/queue-anyone", f"{queue.dir}/run/gone")
    text = queue.refused(111, message=WHOLE)
    contains(text, "run/queue-anyone/s")
    os.rename(f"{queue.dir}/run/gone", f"{queue.dir}/run/queue-anyone")


@case("nobody may inject")
def _():
    if os.geteuid() != 0:
        skip("becoming nobody takes root")
    message, sender, _, _ = queue.inject(message=WHOLE, uid=65534, environment={"USER": "nobody"})
    equal((message, sender), (WHOLE + b"\n", b"nobody@here.example"))


finish()
