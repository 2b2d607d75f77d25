"""report - reads a delivery report as RFC 3464, 6522 and 6533 have it, and fails at anything that they do not"""
import email
import email.policy
import email.utils
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from check import equal, expect  # noqa: E402

HEADER = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
MORE_HEADER = ["In-Reply-To", "References", "Postern-Double-Bounce", "Content-Transfer-Encoding", "Return-Path", "Delivered-To", "Received"]
# Name, may it be missing, what it must look like; in the order of RFC 3464 §2.2 and §2.3.
MESSAGE = [("Original-Envelope-Id", True, r".+"), ("Reporting-MTA", False, r"dns; [^ ]+"), ("Arrival-Date", True, "date")]
RECIPIENT = [("Original-Recipient", True, r"[A-Za-z0-9-]+; ?.+"), ("Final-Recipient", False, r"(rfc822|utf-8); .+@.+"),
             ("Action", False, "failed|delayed|delivered|relayed"), ("Status", False, r"[245]\.\d{1,3}\.\d{1,3}"),
             ("Remote-MTA", True, r"dns; [^ ]+"), ("Diagnostic-Code", True, r"(smtp|X-Postern); .*"),
             ("Last-Attempt-Date", True, "date"), ("Will-Retry-Until", True, "date")]
CLASSES = {"failed": "45", "delayed": "4", "delivered": "2", "relayed": "2"}


def date(text):
    return email.utils.parsedate_to_datetime(text)


def block(fields, grammar):
    """A block of delivery-status fields as a dictionary; nothing in it twice, out of order, or unknown."""
    names = [name for name, _, _ in grammar]
    found = [name for name, _ in fields]
    equal(found, [name for name in names if name in found], "fields of the report")
    values = dict(fields)
    for name, may_be_missing, form in grammar:
        if name not in values:
            expect(may_be_missing, f"{name} is missing")
        elif form == "date":
            expect(date(values[name]).tzinfo is not None, f"{name}: {values[name]}")
        else:
            expect(re.fullmatch(form, values[name]), f"{name}: {values[name]!r}")
    return values


def check_lines(text):
    expect(b"\0" not in text and b"\r" not in text, "NUL or CR in a report")
    longest = max(len(line) for line in text.split(b"\n"))
    expect(longest <= 998, f"a line of {longest} bytes")


class Report:
    """A report: .mail, .people (text), .message (fields), .recipients (a list of fields), .original (a part)."""

    def __init__(self, text):
        check_lines(text)
        self.text = text
        self.mail = email.message_from_bytes(text, policy=email.policy.default)
        self.check_header()
        people, programs, self.original = self.mail.iter_parts()
        equal([part.defects for part in (self.mail, people, programs, self.original)], [[], [], [], []])
        self.is_utf8 = self.mail.get_param("report-type") == "global-delivery-status"
        kinds = [people.get_content_type(), programs.get_content_type(), self.original.get_content_type()]
        expect(kinds in ([["text/plain", "message/global-delivery-status", third] for third in ("message/global", "message/global-headers")]
                         if self.is_utf8 else
                         [["text/plain", "message/delivery-status", third] for third in ("message/rfc822", "text/rfc822-headers")]), kinds)
        self.people = people.get_content()
        self.check_transfer_encodings()
        self.read_status()
        self.has_body = kinds[2] in ("message/rfc822", "message/global")

    def check_header(self):
        names = [name for name, _ in self.mail.items()]
        for name in HEADER:
            equal(names.count(name), 1, f"{name} fields of the report")
        for name in set(names):
            expect(name in HEADER + MORE_HEADER, f"a field {name} in the report")
        equal(self.mail.get_content_type(), "multipart/report")
        expect(self.mail.get_param("report-type") in ("delivery-status", "global-delivery-status"), "report-type")
        expect(re.fullmatch(r"<[^<>@ ]+@[^<>@ ]+>", self.mail["Message-ID"]), self.mail["Message-ID"])
        equal(self.mail["Auto-Submitted"], "auto-replied")
        expect(date(self.mail["Date"]).tzinfo is not None, "Date")

    def raw_parts(self):
        """(header, body) of the three parts, as bytes."""
        line = b"\n--" + self.mail.get_boundary().encode()
        pieces = (b"\n" + self.text.split(b"\n\n", 1)[1]).split(line)
        equal(len(pieces), 5, "boundaries of the report")
        equal(pieces[4].strip(), b"--")
        return [piece.lstrip(b"\n").partition(b"\n\n")[::2] for piece in pieces[1:4]]

    def check_transfer_encodings(self):
        for header, body in self.raw_parts():
            equal(b"Content-Transfer-Encoding: 8bit" in header, not body.isascii(), header)
        header, body = self.text.split(b"\n\n", 1)
        equal(self.mail["Content-Transfer-Encoding"] == "8bit", not body.isascii(), "Content-Transfer-Encoding of the report")
        expect(self.is_utf8 or header.isascii(), "eight bits in the header of a report without SMTPUTF8")

    def read_status(self):
        body = self.raw_parts()[1][1].decode()
        expect(self.is_utf8 or body.isascii(), "eight bits in message/delivery-status")
        blocks = [[tuple(line.split(": ", 1)) for line in lines.strip("\n").split("\n")] for lines in body.strip("\n").split("\n\n")]
        self.message = block(blocks[0], MESSAGE)
        self.recipients = [block(fields, RECIPIENT) for fields in blocks[1:]]
        expect(self.recipients, "nobody is reported")
        for recipient in self.recipients:
            action = recipient["Action"]
            expect(recipient["Status"][0] in CLASSES[action], f"Status {recipient['Status']} of Action {action}")
            expect(action == "delayed" or "Will-Retry-Until" not in recipient, "Will-Retry-Until of what is not delayed")
            expect("Remote-MTA" in recipient or not recipient.get("Diagnostic-Code", "").startswith("smtp"), "whose words?")
