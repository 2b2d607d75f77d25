#!/usr/bin/env python3
"""Submission, as one smtpd sees it: who may log in and when, as whom he may send, what his messages become.

tlsd, authd and countd are played (played.py); queue-inject records. Nothing here needs root.
"""
import base64
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from check import case, contains, equal, expect, finish  # noqa: E402
from played import Played, plain  # noqa: E402
from smtpd_place import Place  # noqa: E402

EHLO = b"EHLO client.example\r\n"
BOB = plain(b"bob", b"secret")
OWN = b"From: bob@here.example\r\n"
COMPLETE = OWN + b"Date: d\r\nMessage-ID: <m>\r\n"


class Session:
    """One smtpd of a place of its own, in the midst of things; `with` ends it and looks that it ended well."""

    def __init__(self, service="submissions", begin=EHLO + BOB, control=(), mood=None):
        self.place = Place()
        self.played = Played(self.place)
        for name, text in dict(control).items():
            self.place.control(name, text)
        if mood:
            mood(self.played)
        self.smtpd = self.place.start(*([service] if service else []))
        self.replies = []
        if service != "submission" or begin is None:
            self.expect("220")
        else:
            self.expect("220")
            self.ask(EHLO, "250")
            self.ask(b"STARTTLS\r\n", "220")
        if begin:
            self.smtpd.send(EHLO)
            self.offers = self.smtpd.reply()
            if begin != EHLO:
                self.ask(begin[len(EHLO) :], "235")

    def expect(self, code):
        reply = self.smtpd.reply()
        self.replies.append(reply)
        expect(reply is not None and reply[-1].startswith(code), lambda: f"{reply}, not {code}; log: {self.smtpd.log()}")
        return reply[-1]

    def ask(self, line, code):
        self.smtpd.send(line)
        return self.expect(code)

    def mail(self, text, code="250", sender=b"bob@here.example", recipients=(b"you@there.example",), parameters=b""):
        """A whole message; the code of its last reply"""
        self.ask(b"MAIL FROM:<" + sender + b">" + parameters + b"\r\n", "250")
        for recipient in recipients:
            self.ask(b"RCPT TO:<" + recipient + b">\r\n", "250")
        self.ask(b"DATA\r\n", "354")
        return self.ask(text + b".\r\n", code)

    def over(self):
        equal(self.smtpd.reply(), None)

    @property
    def messages(self):
        return self.place.queue.messages  # what was answered with 250 is there

    def log(self):
        self.smtpd.end()
        return self.smtpd.log()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = self.smtpd.end()
        log = self.smtpd.log()
        for service in (self.played.tlsd, self.played.authd, self.played.countd):
            service.stop()
        self.place.remove()
        expect(kind or code == 0, f"exit {code}: {log}")


@case("a message goes out for whom one likes, with what was missing")
def _():
    with Session() as session:
        session.mail(OWN + b"Bcc: secret@there.example\r\nTo: you@there.example\r\n\r\nhello\r\n", recipients=(b"you@there.example", b"alice@here.example"))
        text = session.messages[0].text
        header, _, body = text.partition(b"\n\n")
        equal(body, b"hello\n")
        lines = header.split(b"\n")
        equal(lines[:2], [b"From: bob@here.example", b"To: you@there.example"])
        expect(lines[2].startswith(b"Date: ") and lines[2].endswith(b" +0000"), lines)
        expect(lines[3].startswith(b"Message-ID: <") and lines[3].endswith(b"@mx.here.example>"), lines)
        equal(len(lines), 4)


@case("the envelope: a submission of that login, with no address of the client")
def _():
    with Session() as session:
        session.mail(COMPLETE + b"\r\n")
        message = session.messages[0]
        equal([message.values(letter) for letter in "oagcpk"],
              [[b"s"], [b"bob"], [], [], [b"ESMTPSA"], [b"TLSv1.3 TLS_AES_256_GCM_SHA384"]])


@case("control/submissionclient has the address shown")
def _():
    with Session(control={"submissionclient": "show\n"}) as session:
        session.mail(COMPLETE + b"\r\n")
        equal([session.messages[0].values(letter) for letter in "gc"], [[b"client.example"], [b"192.0.2.7"]])


@case("control/idhost names the right side of a Message-ID")
def _():
    with Session(control={"idhost": "ids.example\n"}) as session:
        session.mail(OWN + b"\r\n")
        contains(session.messages[0].text, b"@ids.example>\n")


@case("STARTTLS on 587, and then all the same")
def _():
    with Session("submission") as session:
        session.mail(COMPLETE + b"\r\nx\r\n")
        equal(len(session.messages), 1)
        equal(session.played.tlsd.asked, [[b"submission", b"192.0.2.7"]])


@case("on 465 TLS comes first")
def _():
    with Session() as session:
        equal(session.played.tlsd.asked, [[b"submissions", b"192.0.2.7"]])


@case("AUTH is offered in private only, STARTTLS in the clear only")
def _():
    with Session("submission", begin=None) as session:
        session.smtpd.send(EHLO)
        offers = session.smtpd.reply()
        expect("250-STARTTLS" in offers and not any("AUTH" in line for line in offers), offers)
        session.ask(b"STARTTLS\r\n", "220")
        session.smtpd.send(EHLO)
        offers = session.smtpd.reply()
        expect("250-STARTTLS" not in offers, offers)
        words = next(line for line in offers if line.startswith("250-AUTH ")).split()[1:]
        expect({"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} <= set(words), words)


for what, service, commands in (
    ("MAIL in the clear is refused", "submission", [(EHLO, "250"), (b"MAIL FROM:<bob@here.example>\r\n", "530 5.7.0")]),
    ("AUTH in the clear is refused unseen", "submission", [(EHLO, "250"), (BOB, "538 5.7.11")]),
    ("MAIL without a login is refused", "submissions", [(EHLO, "250"), (b"MAIL FROM:<bob@here.example>\r\n", "530 5.7.0")]),
    ("AUTH before EHLO is refused", "submissions", [(BOB, "503 5.5.1"), (b"HELO x\r\n", "250"), (BOB, "503 5.5.1")]),
    ("AUTH twice is refused", "submissions", [(EHLO, "250"), (BOB, "235 2.7.0"), (BOB, "503 5.5.1")]),
    ("AUTH during a transaction is refused", "submissions",
     [(EHLO, "250"), (BOB, "235 2.7.0"), (b"MAIL FROM:<bob@here.example>\r\n", "250"), (BOB, "503 5.5.1"), (b"RCPT TO:<a@b.example>\r\n", "250")]),
    ("a wrong password and then the right one", "submissions", [(EHLO, "250"), (plain(b"bob", b"x"), "535 5.7.8"), (BOB, "235 2.7.0")]),
    ("an unknown login hears the same", "submissions", [(EHLO, "250"), (plain(b"nobody", b"x"), "535 5.7.8")]),
    ("an unknown mechanism is refused", "submissions", [(EHLO, "250"), (b"AUTH CRAM-MD5\r\n", "504 5.5.4"), (BOB, "235")]),
    ("base64 that is none is refused", "submissions", [(EHLO, "250"), (b"AUTH PLAIN !!!!\r\n", "501 5.5.2"), (BOB, "235")]),
    ("a cancelled AUTH leaves the session as it was", "submissions",
     [(EHLO, "250"), (b"AUTH PLAIN\r\n", "334 "), (b"*\r\n", "501 5.7.0"), (b"MAIL FROM:<bob@here.example>\r\n", "530"), (BOB, "235")]),
    ("an empty initial response is one", "submissions", [(EHLO, "250"), (b"AUTH PLAIN =\r\n", "501 5.5.2")]),
    ("a line that is too long ends the exchange", "submissions", [(EHLO, "250"), (b"AUTH PLAIN\r\n", "334"), (b"A" * 12400 + b"\r\n", "500 5.5.6"), (BOB, "235")]),
    ("LOGIN in two steps", "submissions",
     [(EHLO, "250"), (b"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"), (base64.b64encode(b"bob") + b"\r\n", "334 UGFzc3dvcmQ6"), (base64.b64encode(b"secret") + b"\r\n", "235")]),
    ("port 25 knows no AUTH", None, [(EHLO, "250"), (BOB, "502 5.5.1"), (b"STARTTLS\r\n", "220"), (EHLO, "250"), (BOB, "502 5.5.1")]),
    ("port 25 knows no AUTH=", None, [(EHLO, "250"), (b"MAIL FROM:<a@b.example> AUTH=<>\r\n", "555 5.5.4")]),
    ("port 25 does not relay, in private neither", None,
     [(b"STARTTLS\r\n", "220"), (EHLO, "250"), (b"MAIL FROM:<bob@here.example>\r\n", "250"), (b"RCPT TO:<you@there.example>\r\n", "550 5.7.1")]),
):

    @case(what)
    def _(service=service, commands=commands):
        with Session(service, begin=None) as session:
            for line, code in commands:
                session.ask(line, code)


@case("authd that is away, or busy: 454, and the session goes on")
def _():
    for mood in ("later", "hangs-up"):
        with Session(begin=EHLO, mood=lambda played, mood=mood: setattr(played.authd, "mood", mood)) as session:
            session.ask(BOB, "454 4.7.0")
            session.played.authd.mood = "works"
            session.ask(BOB, "235")
    with Session(begin=EHLO, mood=lambda played: played.authd.stop()) as session:
        session.ask(BOB, "454 4.7.0")
        session.played.authd.start()
        session.ask(BOB, "235")


@case("authd is told service, address, that it is private, and both bindings")
def _():
    with Session() as session:
        letter, fields = session.played.authd.asked[0]
        equal((letter, fields[:5]), (b"P", [b"submission", b"192.0.2.7", b"p", b"\xab" * 32, b"\xcd" * 32]))


@case("no password and no base64 of one is in the log")
def _():
    with Session(begin=EHLO) as session:
        session.ask(plain(b"bob", b"wrongpassword"), "535")
        session.ask(BOB, "235")
        log = session.log()
        for text in ("wrongpassword", "secret", base64.b64encode(b"\0bob\0secret").decode().rstrip("=")):
            expect(text not in log, log)
        contains(log, "event=login login=bob mechanism=PLAIN client=192.0.2.7")
        contains(log, "event=login-failed ")


@case("a password that came where none is taken, behind an AUTH that went wrong, is in no log")
def _():
    word = base64.b64encode(b"secretword")
    with Session(begin=EHLO) as session:
        session.ask(b"AUTH LOGIN\r\n", "334")
        session.ask(b"bob\r\n", "501")
        session.ask(word + b"\r\n", "500")
        session.ask(b"secretword\r\n", "500")
        session.ask(b"AUTH " + word + b"\r\n", "504")
        log = session.log()
        for text in ("secretword", word.decode().rstrip("=")):
            expect(text.lower() not in log.lower(), log)
        contains(log, "command=? ")
        contains(log, "mechanism=? ")
    with Session(None, begin=None) as session:  # on port 25
        session.ask(EHLO, "250")
        session.ask(b"AUTH LOGIN\r\n", "502")
        session.ask(word + b"\r\n", "500")
        expect(word.decode().rstrip("=").lower() not in session.log().lower(), session.log())


for what, control, addresses in (
    ("own addresses: mailbox, extensions, other domains' addresses of that mailbox, any case", {},
     [b"bob@here.example", b"bob-list@here.example", b"BOB@Here.Example", b"bob@mx.here.example"]),
    ("sendas grants one address", {"sendas": "bob:info@there.example\n"}, [b"info@there.example", b"INFO@there.example", b"bob@here.example"]),
    ("sendas grants a domain", {"sendas": "# ours\nbob:@club.example\n"}, [b"anybody@club.example"]),
    ("sendas grants everything", {"sendas": "bob:*\n"}, [b"anybody@any.example", b"alice@here.example"]),
):

    @case(what)
    def _(control=control, addresses=addresses):
        with Session(control=control) as session:
            for address in addresses:
                session.mail(b"From: " + address + b"\r\n\r\n", sender=address)
            equal(len(session.messages), len(addresses))


for what, control, addresses in (
    ("others' addresses are refused, in the envelope and in From", {},
     [b"alice@here.example", b"bob@there.example", b"nobody@here.example", b"bobby@here.example", b"bob@sub.here.example", b"vera-a@virtual.example"]),
    ("grants of others are not one's own", {"sendas": "alice:info@there.example\nalice:*\n"}, [b"info@there.example"]),
    ("a granted domain has no subdomains and no neighbours", {"sendas": "bob:@club.example\n"}, [b"a@x.club.example", b"a@notclub.example", b"a@club.example.net"]),
):

    @case(what)
    def _(control=control, addresses=addresses):
        with Session(control=control) as session:
            for address in addresses:
                session.ask(b"MAIL FROM:<" + address + b">\r\n", "553 5.7.1")
                session.mail(b"From: " + address + b"\r\n\r\n", "550 5.7.1")
            equal(session.messages, [])


@case("the null sender is everybody's, and From is bound all the same")
def _():
    with Session() as session:
        session.mail(OWN + b"\r\n", sender=b"")
        session.mail(b"From: alice@here.example\r\n\r\n", "550 5.7.1", sender=b"")
        equal(len(session.messages), 1)


for what, header, code in (
    ("no From", b"To: x\r\n", "550 5.7.1"),
    ("two From fields", OWN + b"from: bob@here.example\r\n", "550 5.7.1"),
    ("another's address beside the own", b"From: bob@here.example, alice@here.example\r\n", "550 5.7.1"),
    ("a group", b"From: bob: bob@here.example;\r\n", "550 5.7.1"),
    ("an empty From", b"From:\r\n", "550 5.7.1"),
    ("an address in a comment", b"From: (bob@here.example) alice@here.example\r\n", "550 5.7.1"),
    ("a folded From", b"From:\r\n alice@here.example\r\n (bob@here.example)\r\n", "550 5.7.1"),
    ("an address as a name", b"From: alice@here.example <bob@here.example>\r\n", "550 5.7.1"),
    ("a From beyond ASCII", b"From: r\xc3\xa9mi@here.example\r\n", "550 5.6.7"),
    ("bytes that are no UTF-8", b"From: b\xffb@here.example\r\n", "550 5.7.1"),
    ("a Sender of somebody else", OWN + b"Sender: alice@here.example\r\n", "550 5.7.1"),
    ("a line that is no field", OWN + b"hello\r\nFrom: alice@here.example\r\n", "554 5.6.0"),
):

    @case("refused: " + what)
    def _(header=header, code=code):
        with Session() as session:
            session.mail(header + b"\r\nx\r\n", code)
            session.mail(COMPLETE + b"\r\n")  # nothing of it is left
            equal([message.text for message in session.messages], [COMPLETE.replace(b"\r", b"") + b"\n"])


@case("a refused BDAT chunk leaves nothing, and the next message goes")
def _():
    with Session() as session:
        for text, code in ((b"From: alice@here.example\r\n\r\n", "550 5.7.1"), (COMPLETE + b"\r\nx\r\n", "250 2.0.0")):
            session.ask(b"MAIL FROM:<bob@here.example>\r\n", "250")
            session.ask(b"RCPT TO:<you@there.example>\r\n", "250")
            session.ask(b"BDAT %d LAST\r\n" % len(text) + text, code)
        equal(len(session.messages), 1)


@case("BDAT by the byte, From cut anywhere")
def _():
    with Session() as session:
        session.ask(b"MAIL FROM:<bob@here.example>\r\n", "250")
        session.ask(b"RCPT TO:<you@there.example>\r\n", "250")
        text = COMPLETE + b"Bcc: a\r\n\r\nx\r\n"
        for at in range(len(text)):
            session.ask(b"BDAT 1\r\n" + text[at : at + 1], "250")
        session.ask(b"BDAT 0 LAST\r\n", "250 2.0.0 Ok")
        equal(session.messages[0].text, (COMPLETE + b"\r\nx\r\n").replace(b"\r", b""))


@case("SMTPUTF8, DSN and AUTH= as on 25")
def _():
    with Session(control={"sendas": "bob:rémi@here.example\n"}) as session:
        session.mail("From: rémi@here.example\r\n\r\n".encode(), sender="rémi@here.example".encode(), parameters=b" SMTPUTF8 RET=HDRS ENVID=7 AUTH=<>")
        message = session.messages[0]
        equal([message.values(letter) for letter in "ptef"], [[b"UTF8SMTPSA"], [b"h"], [b"7"], [b"u"]])


@case("an unknown recipient here is refused, an unknown elsewhere is not our business")
def _():
    with Session() as session:
        session.ask(b"MAIL FROM:<bob@here.example>\r\n", "250")
        session.ask(b"RCPT TO:<nobody@here.example>\r\n", "550 5.1.1")
        session.ask(b"RCPT TO:<nobody@there.example>\r\n", "250")
        session.ask(b"RCPT TO:<x@backup.example>\r\n", "250")


@case("a users database that cannot be read: try again, and nothing passes")
def _():
    with Session(mood=lambda played: os.unlink(os.path.join(os.path.dirname(played.tlsd.path), "..", "..", "users", "cdb"))) as session:
        session.ask(b"MAIL FROM:<bob@here.example>\r\n", "451 4.3.0")
        session.mail(OWN + b"\r\n", "451 4.3.0", sender=b"")
        equal(session.messages, [])


for name, text in (("sendas", "bob\n"), ("sendas", "bob:nonsense\n"), ("submissionclient", "maybe\n"), ("idhost", "not a host\n"), ("submissionmessageshour", "many\n")):

    @case(f"control/{name} that is wrong is named: {text.strip()}")
    def _(name=name, text=text):
        with Place() as place, Played(place):
            place.control(name, text)
            smtpd = place.start("submission")
            equal(smtpd.reply(), ["421 4.3.5 This host is not configured well; try again later"])
            equal(smtpd.reply(), None)
            equal(smtpd.end(), 100)
            contains(smtpd.log(), name)
            smtpd = place.start("submissions")  # says nothing in the clear
            equal(smtpd.reply(), None)
            equal(smtpd.end(), 100)


finish()
