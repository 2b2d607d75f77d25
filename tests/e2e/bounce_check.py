#!/usr/bin/env python3
"""A message to a mailbox that does not exist comes back to its sender's Maildir, through the whole system."""
import email
import email.policy
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from postern import Instance  # noqa: E402  pylint: disable=wrong-import-position
from check import case, contains, equal, finish  # noqa: E402  pylint: disable=wrong-import-position

with Instance(users=("alice", "bob")) as mail:

    @case("injected for one who is there and one who is not: delivered, and a report for the other")
    def _():
        done = mail.inject("-f", mail.address("alice"), mail.address("bob"), mail.address("nobody"), message=b"Subject: to two\n\nhello\n")
        equal(done.returncode, 0, done.stderr)
        contains(mail.wait_for_messages("bob", 1)[0], b"\nSubject: to two\n")
        text, = mail.wait_for_messages("alice", 1)
        contains(text, b"Return-Path: <>\n")
        report = email.message_from_bytes(text, policy=email.policy.default)
        equal((report.get_content_type(), report.defects), ("multipart/report", []))
        people, programs, original = report.iter_parts()
        contains(people.get_content(), "<nobody@here.example>")
        message, recipient = programs.get_payload()
        equal((message["Reporting-MTA"], recipient["Final-Recipient"]), ("dns; here.example", "rfc822; nobody@here.example"))
        equal((recipient["Action"], recipient["Status"]), ("failed", "5.1.1"))
        equal(original.get_content()["Subject"], "to two")
        mail.wait_for_empty_queue()
        equal(list(mail.dir.glob("state/*/*")), [], "state files left")

    @case("a bounce to one who is not there goes to the postmaster")
    def _():
        done = mail.inject("-f", mail.address("nobody"), mail.address("noone"), message=b"Subject: lost\n\n")
        equal(done.returncode, 0, done.stderr)
        text, = mail.wait_for_messages("postmaster", 1)
        contains(text, b"\nPostern-Double-Bounce: ")
        report = email.message_from_bytes(text, policy=email.policy.default)
        equal(report["To"].addresses[0].addr_spec, mail.address("postmaster"))
        contains(text, b"Final-Recipient: rfc822; nobody@here.example\n")
        contains(text, b"Final-Recipient: rfc822; noone@here.example\n")
        mail.wait_for_empty_queue()

    @case("and if nobody is to hear of it, it is dropped with a line")
    def _():
        (mail.dir / "control/doublebounceto").write_text("\n")
        done = mail.inject("-f", mail.address("nobody"), mail.address("noone"), message=b"Subject: lost\n\n")
        equal(done.returncode, 0, done.stderr)
        mail.wait_for_log("queue-send", "event=bounce id=[0-9a-v]{19} none=it.x20was.x20a.x20bounce")
        mail.wait_for_empty_queue()


finish()
