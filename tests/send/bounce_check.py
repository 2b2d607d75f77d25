#!/usr/bin/env python3
"""Failures, as queue-send and bounce report them to senders: real processes, confined and under their own uids; the test is local-spawn."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from sending import Sending, shared  # noqa: E402
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import envelope, inject, netstring  # noqa: E402

NO_MAILBOX = "5.1.1 no mailbox here by that name"


@case("a recipient that fails: the sender is told, in a report that a program can read")
def _():
    with shared() as q:
        extra = b"e" + netstring(b"QQ314159")
        text = b"Subject: original\nFrom: me@mini.example\n\nthe body\n"
        with q.connect("queue-anyone") as stream:
            lines = envelope("me@mini.example", ["good@mini.example", "gone@mini.example"], extra=extra)
            lines += b"n" + netstring(b"4") + b"q" + netstring(b"rfc822;first@list.example")
            letter, name = inject(stream, text, lines)
        equal(letter, b"Y", name)
        name = name.decode()
        for request in q.spawner.requests(2):
            q.spawner.say(*((b"K", request, "2.0.0 ok") if request.name == "good" else (b"D", request, NO_MAILBOX)))
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        q.wait_done(name)
        q.wait_done(report.id)
        contains(q.sender.log(), f"event=bounce id={name} bounce={report.id}")
        equal(report.recipient, "me@mini.example")
        contains(report.envelope, b"o1:b,s0:,")
        mail = report.mail()
        equal(mail.get_content_type(), "multipart/report")
        equal(mail.get_param("report-type"), "delivery-status")
        equal(mail.defects, [])
        equal((mail["To"].addresses[0].addr_spec, mail["Auto-Submitted"]), ("me@mini.example", "auto-replied"))
        expect(mail["Date"].datetime and mail["Message-ID"] and mail["From"].addresses[0].addr_spec == "MAILER-DAEMON@mini.example", "its fields")
        people, programs, original = mail.iter_parts()
        contains(people.get_content(), "<gone@mini.example>")
        expect("good@" not in people.get_content(), "who got it is not named")
        equal(programs.get_content_type(), "message/delivery-status")
        message, recipient = programs.get_payload()
        equal((message["Reporting-MTA"], message["Original-Envelope-Id"]), ("dns; mini.example", "QQ314159"))
        expect(message["Arrival-Date"], "Arrival-Date")
        equal([recipient[field] for field in ("Original-Recipient", "Final-Recipient", "Action", "Status", "Diagnostic-Code")],
              ["rfc822; first@list.example", "rfc822; gone@mini.example", "failed", "5.1.1", "X-Postern; " + NO_MAILBOX])
        equal(original.get_content_type(), "message/rfc822")
        equal(original.get_content()["Subject"], "original")
        contains(report.message, text)


@case("a long original comes back without its body, and so does one whose sender asked for that (RET=HDRS)")
def _():
    with Sending(bouncemaxbytes="100") as q:
        for text, extra in ((b"Subject: long\n\n" + b"secret\n" * 100, b""), (b"Subject: asked\n\nsecret\n", b"t" + netstring(b"h"))):
            name = q.put("gone@mini.example", message=text, extra=extra)
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
            report = q.spawner.request()
            q.spawner.say(b"K", report, "2.0.0 ok")
            q.wait_done(name)
            part = list(report.mail().iter_parts())[2]
            equal(part.get_content_type(), "text/rfc822-headers")
            contains(report.message, text.split(b"\n")[0])
            expect(b"secret" not in report.message, "the body stays away")


@case("NOTIFY=NEVER: no report; NOTIFY=SUCCESS: a report of success")
def _():
    with shared() as q:
        with q.connect("queue-anyone") as stream:
            silent = inject(stream, b"\n", envelope("me@mini.example", ["gone@mini.example"]) + b"n" + netstring(b"1"))[1].decode()
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
            q.wait_done(silent)
            contains(q.sender.log(), f"event=bounce id={silent} none=")
            curious = inject(stream, b"\n", envelope("me@mini.example", ["good@mini.example"]) + b"n" + netstring(b"2"))[1].decode()
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 delivered")
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        q.wait_done(curious)
        status = list(report.mail().iter_parts())[1].get_payload()[1]
        equal((status["Action"], status["Status"], status["Final-Recipient"]), ("delivered", "2.0.0", "rfc822; good@mini.example"))


@case("a bounce that fails is told to the postmaster, once; that report, wherever it failed, to nobody")
def _():
    with shared() as q:
        name = q.put("gone@mini.example", sender="")
        q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
        double = q.spawner.request()
        equal(double.recipient, "postmaster@mini.example")
        equal(double.mail()["Postern-Double-Bounce"], name)
        q.spawner.say(b"D", double, NO_MAILBOX)
        q.wait_done(name)
        q.wait_done(double.id)
        contains(q.sender.log(), f"event=bounce id={double.id} none=it\\x20was\\x20a\\x20bounce\\x20itself,\\x20for\\x20control/doublebounceto")
        # forwarded by the postmaster to somebody who is gone, as it came or inside of another report
        for text in (double.message, b"Subject: Undeliverable\nContent-Type: multipart/report\n\n--x\n\n" + double.message):
            name = q.put("gone@mini.example", sender="", message=text)
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
            q.wait_done(name)
            contains(q.sender.log(), f"event=bounce id={name} none=it\\x20was\\x20a\\x20double\\x20bounce")


@case("control/doublebounceto and control/doublebouncehost say who hears of bounces that fail; an empty one: nobody")
def _():
    for settings, recipient in (({"doublebounceto": "root"}, "root@mini.example"),
                                ({"doublebouncehost": "pm.mini.example"}, None),
                                ({"doublebounceto": "root@mini.example", "doublebouncehost": "pm.mini.example"}, "root@mini.example")):
        with shared(locals="mini.example\npm.mini.example", **settings) as q:
            name = q.put("gone@mini.example", sender="")
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
            report = q.spawner.request()
            equal(report.recipient, recipient or "postmaster@pm.mini.example")
            q.spawner.say(b"K", report, "2.0.0 ok")
            q.wait_done(name)
            q.wait_done(report.id)
    with shared(doublebounceto="") as q:
        name = q.put("gone@mini.example", sender="")
        q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
        q.wait_done(name)
        contains(q.sender.log(), f"event=bounce id={name} none=it\\x20was\\x20a\\x20bounce\\x20itself,\\x20and\\x20control/doublebounceto\\x20is\\x20empty")


@case("mail of mailer daemons, and mail to the address that reports are from, is answered by no report that could be answered")
def _():
    with shared(bouncefrom="reports") as q:
        for sender, recipient in (("MAILER-DAEMON@far.mini.example", "gone@mini.example"), ("reports@mini.example", "gone@mini.example"),
                                  ("robot@mini.example", "Reports@mini.example")):
            name = q.put(recipient, sender=sender)
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
            report = q.spawner.request()
            equal(report.recipient, "postmaster@mini.example", sender)
            equal(report.mail()["From"].addresses[0].addr_spec, "reports@mini.example")
            q.spawner.say(b"K", report, "2.0.0 ok")
            q.wait_done(name)
            q.wait_done(report.id)


@case("success of a message without sender is told to nobody")
def _():
    with shared() as q:
        with q.connect("queue-anyone") as stream:
            name = inject(stream, b"\n", envelope("", ["good@mini.example"]) + b"n" + netstring(b"2"))[1].decode()
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 delivered")
        q.wait_done(name)
        contains(q.sender.log(), f"event=bounce id={name} none=")


@case("2,500 recipients that fail: the sender hears of each once, in reports of at most 1,000")
def _():
    with shared(concurrencylocal="1000") as q:
        recipients = [f"gone{i}@mini.example" for i in range(2500)]
        name = q.put(*recipients)
        told = []
        for _ in range(2500):
            q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
        while len(told) < 2500:
            report = q.spawner.request()
            statuses = list(report.mail().iter_parts())[1].get_payload()[1:]
            expect(len(statuses) <= 1000, "at most 1,000")
            told += [status["Final-Recipient"].split("; ")[1] for status in statuses]
            q.spawner.say(b"K", report, "2.0.0 ok")
        equal(sorted(told), sorted(recipients))
        q.wait_done(name)


shared.end()
finish()
