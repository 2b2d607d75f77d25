#!/usr/bin/env python3
"""Reports as bounce composes them: the test is queue-send, which asks, and queue-inject, which takes."""
import array
import os
import pwd
import re
import socket
import struct
import sys
import tempfile

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import Parts, envelope, netstring, read_exactly, read_record, record, take_fields  # noqa: E402
from report import Report  # noqa: E402

ID = b"1j0r1kbl9t2cc42n9mq"
TRIED, UNTIL = 1763805600, 1764237600  # 22 and 27 Nov 2025, 10:00 UTC


def crc32c(text):
    crc = 0xFFFFFFFF
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def queue_file(message, lines):
    frame = b"postern queue file 1: 00000001 %012x %08x %08x %08x " % (len(message), len(lines), 0, crc32c(lines))
    return frame + b"%08x\n" % crc32c(frame) + message + lines


class Bounce(Parts):
    """bounce, real; queue-send and queue-inject are the test."""

    def __enter__(self):
        super().__enter__()
        self.queue = self.listen("queue-trusted")
        self.queue.settimeout(20)
        self.service = self.serve("bounce", ["send/bounce"], user="pn-bounce")
        os.seteuid(pwd.getpwnam("pn-send").pw_uid)  # whom the kernel names at connect
        try:
            self.stream = self.connect("bounce")
        finally:
            os.seteuid(0)
        return self

    def ask(self, message, lines, reports):
        """Asks for a report: (index, letter, text[, tried, until]) each."""
        body = b"B" + netstring(ID)
        for index, letter, text, *times in reports:
            tried, until = times or (TRIED, UNTIL if letter == b"Z" else 0)
            text = text if isinstance(text, bytes) else text.encode()
            body += b"".join(map(netstring, (b"%d" % index, letter, b"%d" % tried, b"%d" % until, text)))
        with tempfile.TemporaryFile() as file:
            file.write(queue_file(message, lines))
            file.flush()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))]
            self.stream.sendmsg([record(body)], rights)

    def take(self):
        """What bounce gives to the queue: message, envelope."""
        client, _ = self.queue.accept()
        client.settimeout(20)
        got = {b"M": b"", b"E": b""}
        with client:
            while True:
                head = read_exactly(client, 5)
                letter, content = head[:1], read_exactly(client, struct.unpack(">I", head[1:])[0])
                if letter == b"C":
                    client.sendall(b"Y" + struct.pack(">I", 19) + ID)
                    return got[b"M"], got[b"E"]
                got[letter] += content

    def report(self, message, lines, reports):
        """The report on it, its recipient and flags."""
        self.ask(message, lines, reports)
        text, sent = self.take()
        equal(read_record(self.stream)[:1], b"Y")
        fields = dict(re.findall(rb"([a-z])\d+:([^,]*),", sent))
        equal((fields[b"o"], fields[b"s"]), (b"b", b""), "origin and sender of a report")
        found = Report(text)
        found.to, found.flags = fields[b"r"].decode(), fields.get(b"f", b"").decode()
        equal("u" in found.flags, found.is_utf8, "SMTPUTF8")
        equal("8" in found.flags, not text.isascii(), "8BITMIME")
        return found

    def no_report(self, message, lines, reports):
        self.ask(message, lines, reports)
        answer = read_record(self.stream)
        equal(answer[:1], b"N", answer)
        return take_fields(answer)[1][1].decode()


MAIL = b"Subject: original\nMessage-ID: <first@far.example>\n\nthe body\n"


def lines(*recipients, sender="me@far.example", extra=b"", each=b""):
    return envelope(sender, [], extra=extra) + b"".join(b"r" + netstring(recipient.encode()) + each for recipient in recipients)


NOTIFY = {name: b"n" + netstring(b"%d" % bits) for name, bits in (("never", 1), ("success", 2), ("failure", 4), ("delay", 8), ("all", 14))}

with Bounce() as bounce:

    @case("a failure that another host reported: its name and its own words")
    def _():
        said = "550-5.1.1 <gone@far.example>: no such user / 550 5.1.1 see https://mx.far.example/why"
        report = bounce.report(MAIL, lines("gone@far.example"), [(0, b"D", f"5.1.1 mx.far.example[192.0.2.1] said: {said}")])
        recipient, = report.recipients
        equal((recipient["Action"], recipient["Status"], recipient["Remote-MTA"], recipient["Diagnostic-Code"]),
              ("failed", "5.1.1", "dns; mx.far.example", f"smtp; {said}"))
        equal(recipient["Last-Attempt-Date"], "Sat, 22 Nov 2025 10:00:00 +0000")
        equal(report.message, {"Reporting-MTA": "dns; mini.example", "Arrival-Date": report.message["Arrival-Date"]})
        expect("Original-Recipient" not in recipient, "without ORCPT no Original-Recipient (RFC 3461 6.3)")
        equal(report.to, "me@far.example")
        contains(" ".join(report.people.split()), f"<gone@far.example> 5.1.1 mx.far.example[192.0.2.1] said: {said}")
        equal((report.mail["References"], report.mail["In-Reply-To"]), ("<first@far.example>",) * 2)
        contains(report.text, b"\n\n" + MAIL)

    @case("given up: Status 4.4.7, and what the host said last")
    def _():
        text = "4.4.7 given up, too long in the queue; the last try: 4.2.0 mx.far.example[2001:db8::1] said: 450 4.2.0 greylisted"
        recipient, = bounce.report(MAIL, lines("slow@far.example"), [(0, b"D", text)]).recipients
        equal((recipient["Status"], recipient["Remote-MTA"], recipient["Diagnostic-Code"]),
              ("4.4.7", "dns; mx.far.example", "smtp; 450 4.2.0 greylisted"))

    @case("delayed, if asked: until when it is tried; only the header comes back")
    def _():
        report = bounce.report(MAIL, lines("slow@far.example", each=NOTIFY["delay"]), [(0, b"Z", "4.4.1 far.example: no host took the connection")])
        recipient, = report.recipients
        equal((recipient["Action"], recipient["Status"], recipient["Last-Attempt-Date"], recipient["Will-Retry-Until"]),
              ("delayed", "4.4.1", "Sat, 22 Nov 2025 10:00:00 +0000", "Thu, 27 Nov 2025 10:00:00 +0000"))
        equal(report.mail["Subject"], "Your message is delayed")
        expect(not report.has_body and b"the body" not in report.text, "the body stays away")
        contains(report.people, "It is tried until Thu, 27 Nov 2025 10:00:00 +0000")

    @case("relayed and delivered, if asked")
    def _():
        envelope_lines = lines("far@far.example", "near@mini.example", each=NOTIFY["success"])
        report = bounce.report(MAIL, envelope_lines, [(0, b"Y", "2.0.0 mx.far.example[192.0.2.1] said: 250 2.0.0 ok"), (1, b"K", "2.0.0 delivered to Maildir")])
        equal([(each["Action"], each["Status"], each.get("Remote-MTA"), each.get("Diagnostic-Code")) for each in report.recipients],
              [("relayed", "2.0.0", "dns; mx.far.example", "smtp; 250 2.0.0 ok"), ("delivered", "2.0.0", None, None)])
        contains(report.people, "was passed on to other hosts for:")
        contains(" ".join(report.people.split()), "do not send reports like this one")
        expect(not report.has_body, "only the header comes back (RFC 3461 6.2)")

    @case("who is told what: every NOTIFY with every outcome")
    def _():
        wanted = {"never": b"", "success": b"KY", "failure": b"D", "delay": b"Z", "all": b"DKYZ", "none": b"D"}
        for name, letters in wanted.items():
            for letter in (b"D", b"K", b"Y", b"Z"):
                envelope_lines = lines("a@far.example", each=NOTIFY.get(name, b""))
                text = {b"D": "5.0.0 no", b"Z": "4.0.0 later"}.get(letter, "2.0.0 ok")
                if letter in letters:
                    equal(len(bounce.report(MAIL, envelope_lines, [(0, letter, text)]).recipients), 1, (name, letter))
                else:
                    contains(bounce.no_report(MAIL, envelope_lines, [(0, letter, text)]), "NOTIFY")

    @case("many fates of one message in one report; who asked for nothing is not in it")
    def _():
        names = [("a", "never", b"D"), ("b", "all", b"D"), ("c", "all", b"Z"), ("d", "success", b"Y"), ("e", "failure", b"K"), ("f", "success", b"K"), ("g", "none", b"D")]
        envelope_lines = lines() + b"".join(b"r" + netstring(f"{name}@far.example".encode()) + NOTIFY.get(notify, b"") for name, notify, _ in names)
        texts = {b"D": "5.1.1 no", b"Z": "4.0.0 later", b"K": "2.0.0 ok", b"Y": "2.0.0 ok"}
        report = bounce.report(MAIL, envelope_lines, [(index, letter, texts[letter]) for index, (_, _, letter) in enumerate(names)])
        equal([each["Final-Recipient"][8] for each in report.recipients], list("bcdfg"))
        equal(report.mail["Subject"], "What became of your message")
        expect(report.has_body, "there are failures: the message comes back")

    @case("ENVID and ORCPT come back as they were, decoded")
    def _():
        envelope_lines = lines("a@far.example", extra=b"e" + netstring(b"QQ 3=14+159"), each=b"q" + netstring(b"rfc822;First, Last@list.example"))
        report = bounce.report(MAIL, envelope_lines, [(0, b"D", "5.1.1 no")])
        equal((report.message["Original-Envelope-Id"], report.recipients[0]["Original-Recipient"]),
              ("QQ 3=14+159", "rfc822; First, Last@list.example"))

    @case("RET=HDRS, a message too long, lines that no host takes, NUL and CR: the header comes back alone")
    def _():
        for message, extra in ((MAIL, b"t" + netstring(b"h")), (MAIL + b"x\n" * 40000, b""), (MAIL + b"x" * 999 + b"\n", b""), (MAIL + b"\0\n", b""),
                               (MAIL + b"a\rb\n", b""), (MAIL + b"x" * 3_000_000, b"")):
            report = bounce.report(message, lines("a@far.example", extra=extra), [(0, b"D", "5.1.1 no")])
            expect(not report.has_body and b"the body" not in report.text, "the body stays away")
            contains(report.text, MAIL.split(b"\n\n")[0])
        long = b"X: " + b"x" * 5000 + b"\nY: a\rb\0c\n" + MAIL
        contains(bounce.report(long, lines("a@far.example"), [(0, b"D", "5.1.1 no")]).text, b"\nY: a?b?c\nSubject: original")
        report = bounce.report(MAIL + b"x" * 998 + b"\n", lines("a@far.example"), [(0, b"D", "5.1.1 no")])
        expect(report.has_body, "998 bytes are a line")

    @case("an original of eight bits comes back as it was, and is labelled so")
    def _():
        for extra in (b"", b"t" + netstring(b"h")):
            report = bounce.report(b"Subject: gr\xfc\xdf\n\n\xe4\xf6\n", lines("a@far.example", extra=extra), [(0, b"D", "5.1.1 no")])
            contains(report.text, b"Subject: gr\xfc\xdf\n")

    @case("SMTPUTF8: a report of RFC 6533, with addresses and words as they are")
    def _():
        envelope_lines = lines("gr\u00fc\u00df@far.example", "plain@far.example", sender="m\u00e9@far.example", extra=b"f1:u,", each=b"q" + netstring("utf-8;\\x{FC}@x.example".encode()))
        words = "5.1.1 mx.far.example[192.0.2.1] said: 550 niemand hei\u00dft so"
        report = bounce.report("Subject: \u20ac\n\nx\n".encode(), envelope_lines, [(0, b"D", words), (1, b"D", b"5.1.1 latin-1 \xe9 here")])
        equal([each["Final-Recipient"] for each in report.recipients], ["utf-8; gr\u00fc\u00df@far.example", "rfc822; plain@far.example"])
        equal(report.recipients[0]["Original-Recipient"], "utf-8; \u00fc@x.example")
        equal([each["Diagnostic-Code"] for each in report.recipients], ["smtp; 550 niemand hei\u00dft so", "X-Postern; 5.1.1 latin-1 ? here"])
        equal((report.to, report.is_utf8, report.original.get_content_type()), ("m\u00e9@far.example", True, "message/global"))

    @case("addresses beyond ASCII to a sender who may not know SMTPUTF8; SMTPUTF8 asked for and not needed")
    def _():
        report = bounce.report(MAIL, lines("gr\u00fc\u00df@far.example"), [(0, b"D", "5.1.1 niemand hei\u00dft so")])
        equal((report.is_utf8, report.recipients[0]["Final-Recipient"]), (False, r"utf-8; gr\x{FC}\x{DF}@far.example"))
        contains(report.people, "gr\u00fc\u00df@far.example")
        equal(bounce.report(MAIL, lines("a@far.example", extra=b"f1:u,"), [(0, b"D", "5.1.1 no")]).is_utf8, False)

    @case("whatever another host says, a report keeps its shape")
    def _():
        for words in (b"550 \n\nAction: delivered", b"550 \r\n.\r\n", b"\n--=_", b"\0" * 512, bytes(range(1, 256)), b"\xe2\x80\xa8Action: delivered", b"\x85\x0b\x0c\x1c\x1d\x1e",
                      b"x" * 512, b"a " * 256, b"\xff" * 512, "\u00fc".encode() * 255, b"\t\t\t", b"", b" ", b"=?utf-8?q?=0A?=", b"<a@b>, --x--", b"a said: b[192.0.2.1] said: c"):
            for text in (words, b"5.1.1 " + words, b"5.1.1 mx.far.example[192.0.2.1] said: " + words, b"4.4.7 given up, too long in the queue; the last try: " + words):
                for extra in (b"", b"f1:u,"):
                    # the record itself refuses control characters: queue-send replaced them
                    clean = bytes(63 if byte < 32 or byte == 127 else byte for byte in text[:512])
                    report = bounce.report(MAIL, lines("a@far.example", extra=extra), [(0, b"D", clean)])
                    equal((len(report.recipients), report.recipients[0]["Action"]), (1, "failed"), text)

    @case("control characters in a request end the connection, and nothing is reported")
    def _():
        with Bounce() as other:
            other.ask(MAIL, lines("a@far.example"), [(0, b"D", "5.1.1 no\nAction: delivered")])
            equal(other.stream.recv(1), b"")
            contains(other.service.log(), "event=refused error=")

    @case("an original that looks like a report cannot end the one that carries it")
    def _():
        first = bounce.report(MAIL, lines("a@far.example"), [(0, b"D", "5.1.1 no")])
        report = bounce.report(first.text, lines("b@far.example"), [(0, b"D", "5.1.1 no")])
        equal(len(report.recipients), 1)
        equal(report.original.get_content().get_content_type(), "multipart/report")
        expect(report.mail["Message-ID"] != first.mail["Message-ID"], "a Message-ID of its own")

    @case("a double bounce says so, goes to the postmaster, and names no success")
    def _():
        report = bounce.report(MAIL, lines("a@far.example", "b@far.example", sender="", each=NOTIFY["all"]), [(0, b"D", "5.1.1 no"), (1, b"K", "2.0.0 ok")])
        equal((report.to, report.mail["Postern-Double-Bounce"], len(report.recipients)), ("postmaster@mini.example", ID.decode(), 1))
        for letter in (b"K", b"Y", b"Z"):
            bounce.no_report(MAIL, lines("a@far.example", sender="", each=NOTIFY["all"]), [(0, letter, "2.0.0 ok")])
        contains(bounce.no_report(report.text, lines("a@far.example", sender=""), [(0, b"D", "5.1.1 no")]), "double bounce")

finish()
