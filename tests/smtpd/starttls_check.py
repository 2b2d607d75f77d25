#!/usr/bin/env python3
"""How a session's connection is handed to tlsd and what comes back, rule by rule: a real smtpd, a tlsd that is played"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from played import Played  # noqa: E402
from smtpd_place import Place  # noqa: E402

EHLO = b"EHLO client.example\r\n"
BUFFER = 65536 + 4096  # what LineReader takes with one call
MESSAGE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@here.example>\r\nDATA\r\nx\r\n.\r\n"


class Session:
    def __init__(self, service=None, early=b"", mood="works"):
        self.place = Place()
        self.played = Played(self.place)
        self.played.tlsd.mood = mood
        self.smtpd = self.place.start(*([service] if service else []), early=early)

    def ask(self, line, code):
        self.smtpd.send(line)
        reply = self.smtpd.reply()
        expect(reply is not None and reply[-1].startswith(code), lambda: f"{reply}, not {code}; log: {self.smtpd.log()}")
        return reply

    def expect(self, code):
        return self.ask(b"", code)

    def go_to_handshake(self, service):
        if not service:  # else it begins with one
            self.expect("220")
            self.ask(EHLO, "250")
            self.ask(b"STARTTLS\r\n", "220")

    def over(self, why):
        equal(self.smtpd.reply(), None)
        equal(self.smtpd.end(), 0)
        contains(self.smtpd.log(), f"event=disconnect client=192.0.2.7 why={why} ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.smtpd.end()
        for service in (self.played.tlsd, self.played.authd, self.played.countd):
            service.stop()
        self.place.remove()


@case("bytes behind STARTTLS in the buffer: 554, the end, and nothing of them is executed")
def _():
    for behind in (b"N", b"\r\n", b"NOOP\r\n", EHLO + MESSAGE):
        with Session() as session:
            session.expect("220")
            session.ask(EHLO, "250")
            session.ask(b"STARTTLS\r\n" + behind, "554 5.5.1")
            session.over("early-talker")
            equal(session.played.tlsd.asked, [])
            equal(session.place.queue.messages, [])


@case("bytes behind STARTTLS that still lie in the socket: the same")
def _():
    tail = b"STARTTLS\r\n"
    line = b"NOOP " + b"x" * 1017 + b"\r\n"
    padding = line * ((BUFFER - len(EHLO) - len(tail) - 8) // len(line))
    rest = BUFFER - len(EHLO) - len(padding) - len(tail)
    padding += b"NOOP " + b"y" * (rest - 7) + b"\r\n"
    first = EHLO + padding + tail
    equal(len(first), BUFFER)
    with Session(early=first + EHLO + MESSAGE) as session:
        session.expect("220")
        session.expect("250")
        for _ in range(padding.count(b"\n")):
            session.expect("250")
        session.expect("554 5.5.1")
        session.over("early-talker")
        equal(session.played.tlsd.asked, [])
    with Session(early=first) as session:  # and without them it is a good STARTTLS
        for code in ["220", "250"] + ["250"] * padding.count(b"\n") + ["220 2.0.0"]:
            session.expect(code)
        session.ask(EHLO, "250")


@case("afterwards everything begins afresh: no name, no transaction, no second STARTTLS")
def _():
    with Session() as session:
        session.expect("220")
        expect("250-STARTTLS" in session.ask(EHLO, "250"), "STARTTLS is not offered")
        session.ask(b"MAIL FROM:<a@b.example>\r\n", "250")
        session.ask(b"RCPT TO:<bob@here.example>\r\n", "250")
        session.ask(b"STARTTLS\r\n", "220")
        session.ask(b"RCPT TO:<bob@here.example>\r\n", "503")
        session.ask(b"DATA\r\n", "503")
        session.ask(b"MAIL FROM:<a@b.example>\r\n", "503")
        expect("250-STARTTLS" not in session.ask(EHLO, "250"), "STARTTLS is offered again")
        session.ask(b"STARTTLS\r\n", "503")
        session.ask(b"DATA\r\n", "503")
        session.ask(b"MAIL FROM:<c@d.example>\r\n", "250")
        session.ask(b"RCPT TO:<bob@here.example>\r\n", "250")
        session.ask(b"DATA\r\n", "354")
        session.ask(b"x\r\n.\r\n", "250")
        message = session.place.queue.messages[0]
        equal([message.values(letter) for letter in "srpkg"],
              [[b"c@d.example"], [b"bob@here.example"], [b"ESMTPS"], [b"TLSv1.3 TLS_AES_256_GCM_SHA384"], [b"client.example"]])


@case("descriptors 0 and 1 are tlsd's, and no copy of the network's socket stays")
def _():
    if os.geteuid() != 0:
        skip("only root may look at the descriptors of a confined process")
    with Session() as session:
        session.expect("220")
        folder = f"/proc/{session.smtpd.process.pid}/fd"
        links = lambda: {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
        before = links()
        session.ask(EHLO, "250")
        session.ask(b"STARTTLS\r\n", "220")
        session.ask(EHLO, "250")
        after = links()
        equal(after["0"], after["1"])
        expect(before["0"] not in after.values(), f"{before} and then {after}")
        equal(sorted(after), sorted(before))


@case("no plaintext flows before the line of facts, in either direction")
def _():
    for service in (None, "submissions"):
        with Session(service, mood="silent") as session:
            session.go_to_handshake(service)
            session.smtpd.send(EHLO)
            session.smtpd.finish_sending()
            session.played.tlsd.let_go.set()
            equal(session.smtpd.reply(), None)  # nothing to the client
            equal(session.smtpd.end(), 0)
            equal(session.played.tlsd.early_bytes, b"")  # nor to tlsd


@case("what comes with the facts is the first of the plaintext")
def _():
    with Session() as session:
        session.played.tlsd.early = EHLO
        session.expect("220")
        session.ask(b"STARTTLS\r\n", "220")
        session.expect("250")
        session.ask(b"NOOP\r\n", "250")


@case("a handshake that fails ends the session without a word: both ends are closed")
def _():
    for mood in ("no", "hangs-up"):
        with Session(mood=mood) as session:
            session.expect("220")
            session.ask(EHLO, "250")
            session.ask(b"STARTTLS\r\n", "220")
            session.over("tls-failed")
        with Session("submissions", mood=mood) as session:
            session.over("tls-failed")


@case("a tlsd that says nothing of a handshake for 70 s: the session ends, and says why", seconds=180)
def _():
    if sys.argv[1:] != ["long"]:
        skip("takes 70 s: starttls_check.py long")
    for service in (None, "submissions"):
        with Session(service, mood="silent") as session:
            session.go_to_handshake(service)
            began = time.monotonic()
            equal(session.smtpd.process.wait(100), 0)  # the played tlsd still has the client's connection
            took = time.monotonic() - began
            expect(69 <= took < 85, f"{took:.1f} s")
            contains(session.smtpd.log(), "why=tls-failed ")
            session.played.tlsd.let_go.set()


@case("tlsd away: 454 4.7.0, and the session goes on in the clear")
def _():
    with Session() as session:
        session.played.tlsd.stop()
        session.expect("220")
        session.ask(EHLO, "250")
        session.ask(b"MAIL FROM:<a@b.example>\r\n", "250")
        session.ask(b"STARTTLS\r\n", "454 4.7.0")
        session.ask(b"RCPT TO:<bob@here.example>\r\n", "250")
        session.ask(b"DATA\r\n", "354")
        session.ask(b"x\r\n.\r\n", "250")
        equal(session.place.queue.messages[0].values("p"), [b"ESMTP"])
        session.played.tlsd.start()
        session.ask(b"STARTTLS\r\n", "220")
        session.ask(EHLO, "250")
    with Session("submission") as session:
        session.played.tlsd.stop()
        session.expect("220")
        session.ask(EHLO, "250")
        session.ask(b"STARTTLS\r\n", "454 4.7.0")
        session.ask(b"MAIL FROM:<bob@here.example>\r\n", "530 5.7.0")
        session.played.tlsd.start()


@case("without certificates STARTTLS is not offered and not known; names that begin with a dot are none")
def _():
    with Session() as session:
        session.smtpd.end()
        certificates = os.path.join(session.place.path, "tls", "certs")
        os.rename(os.path.join(certificates, "here.example.pem"), os.path.join(certificates, ".new"))
        for _ in range(2):
            session.smtpd = session.place.start()
            session.expect("220")
            expect("250-STARTTLS" not in session.ask(EHLO, "250"), "STARTTLS is offered")
            session.ask(b"STARTTLS\r\n", "502 5.5.1")
            session.smtpd.end()
            os.rename(certificates, certificates + ".gone") if os.path.exists(certificates) else None


@case("a connection that is cut in the middle of a message, with close_notify or without: nothing is accepted")
def _():
    for wire in (b"DATA\r\nhalf", b"DATA\r\nhalf\r\n.", b"BDAT 10 LAST\r\nhalf", b"BDAT 4\r\nhalf"):
        with Session() as session:
            session.expect("220")
            session.ask(b"STARTTLS\r\n", "220")
            session.ask(EHLO, "250")
            session.ask(b"MAIL FROM:<a@b.example>\r\n", "250")
            session.ask(b"RCPT TO:<bob@here.example>\r\n", "250")
            session.smtpd.send(wire)
            if wire != b"BDAT 10 LAST\r\nhalf":
                session.smtpd.reply()
            session.smtpd.finish_sending()
            equal(session.smtpd.reply(), None)
            equal(session.smtpd.end(), 0)
            equal(session.place.queue.messages, [])


@case("the log tells protocol, cipher and name; of the message too")
def _():
    with Session() as session:
        session.expect("220")
        session.ask(b"STARTTLS\r\n", "220")
        session.ask(EHLO, "250")
        session.smtpd.send(MESSAGE)
        for code in ("250", "250", "354", "250"):
            session.expect(code)
        session.smtpd.end()
        contains(session.smtpd.log(), "event=tls client=192.0.2.7 protocol=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 sni=mx.here.example resumed=0")
        contains(session.smtpd.log(), "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384")


finish()
