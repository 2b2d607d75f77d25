#!/usr/bin/env python3
"""How much one login may send: messages and recipients by the hour and the day, counted by a played countd"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from check import case, contains, equal, expect, finish  # noqa: E402
from played import Played, plain  # noqa: E402
from smtpd_place import Place  # noqa: E402

TEXT = b"From: bob@here.example\r\nDate: d\r\nMessage-ID: <m>\r\n\r\n"


class Login:
    """bob, or who `login` says, in a session of a place"""

    def __init__(self, place, login=plain(b"bob", b"secret")):
        self.smtpd = place.start("submissions")
        self.begin = [self.smtpd.reply()]
        for line in (b"EHLO c\r\n", login):
            self.smtpd.send(line)
            self.begin.append(self.smtpd.reply())
        expect(self.begin[-1][0].startswith("235"), self.begin)

    def send(self, recipients=1, text=TEXT, sender=b"bob@here.example"):
        """The last reply to a message"""
        lines = b"MAIL FROM:<" + sender + b">\r\n" + b"RCPT TO:<you@there.example>\r\n" * recipients + b"DATA\r\n"
        self.smtpd.send(lines)
        replies = [self.smtpd.reply()[0] for _ in range(recipients + 2)]
        expect(all(reply.startswith("250") for reply in replies[:-1]), replies)
        if replies[-1].startswith("354"):
            self.smtpd.send(text + b".\r\n")
            return self.smtpd.reply()[0]
        return replies[-1]

    def end(self):
        self.smtpd.end()
        return self.smtpd.log()


def count_of(played, what, login=b"bob"):
    return played.countd.counts.get(what + b" " + login, 0)


for setting, recipients, what in (
    ("submissionmessageshour", 1, "messages"), ("submissionmessagesday", 1, "messages"),
    ("submissionrecipientshour", 2, "recipients"), ("submissionrecipientsday", 2, "recipients"),
):

    @case(f"control/{setting} is kept, over sessions, and told the operator once")
    def _(setting=setting, recipients=recipients, what=what):
        with Place() as place, Played(place) as played:
            place.control(setting, f"{3 * recipients}\n")
            first, second = Login(place), Login(place)
            for login in (first, second, first):
                contains(login.send(recipients), "250 2.0.0 Ok")
            for login in (second, first, second):
                contains(login.send(recipients), "450 4.7.1")
            equal(count_of(played, what.encode()), 3 * recipients)
            equal(count_of(played, b"messages"), 3)
            log = first.end() + second.end()
            equal(log.count("limit-reached"), 1)
            contains(log, f"event=limit-reached login=bob what={what}")
            other = Login(place, plain(b"alice", b"pass"))
            contains(other.send(recipients, TEXT.replace(b"bob", b"alice"), b"alice@here.example"), "250 2.0.0 Ok")
            other.end()


@case("0 is no limit")
def _():
    with Place() as place, Played(place):
        for setting in ("submissionmessageshour", "submissionmessagesday", "submissionrecipientshour", "submissionrecipientsday"):
            place.control(setting, "0\n")
        login = Login(place)
        for _ in range(5):
            contains(login.send(20), "250 2.0.0 Ok")
        login.end()


@case("what is not accepted does not count")
def _():
    with Place() as place, Played(place) as played:
        login = Login(place)
        contains(login.send(3, b"From: alice@here.example\r\n\r\n"), "550")
        contains(login.send(3, b"bare\nlf\r\n"), "550")
        place.queue.mood = ("defers", b"4.3.1 full")
        contains(login.send(3), "452 4.3.1")
        place.queue.mood = ("accepts", b"")
        equal([count_of(played, b"messages"), count_of(played, b"recipients")], [0, 0])
        contains(login.send(3), "250")
        equal([count_of(played, b"messages"), count_of(played, b"recipients")], [1, 3])
        login.smtpd.send(b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nBDAT 4\r\nFrom")
        for _ in range(3):
            login.smtpd.reply()
        login.end()  # in the middle of a message
        equal([count_of(played, b"messages"), count_of(played, b"recipients")], [1, 3])


@case("more recipients than the limit allows: nothing is counted, fewer go")
def _():
    with Place() as place, Played(place) as played:
        place.control("submissionrecipientshour", "5\n")
        login = Login(place)
        contains(login.send(6), "450 4.7.1")
        equal([count_of(played, b"messages"), count_of(played, b"recipients")], [0, 0])
        contains(login.send(5), "250")
        login.end()


@case("countd away: mail goes on, uncounted, and the log says so")
def _():
    with Place() as place, Played(place) as played:
        place.control("submissionmessageshour", "1\n")
        played.countd.stop()
        login = Login(place)
        for _ in range(3):
            contains(login.send(), "250 2.0.0 Ok")
        played.countd.start()
        contains(login.send(), "250 2.0.0 Ok")
        contains(login.send(), "450 4.7.1")
        contains(login.end(), "event=uncounted login=bob what=messages error=")


finish()
