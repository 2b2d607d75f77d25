#!/usr/bin/env python3
"""What smtpd answers at RCPT for a mailbox with a quota: by users/cdb and by the mailbox's file of users/full, whatever that is"""
import os
import socket
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
from check import case, contains, equal, expect, finish  # noqa: E402
from smtpd_place import Place, make_cdb, users_entries  # noqa: E402

FULL = "452 4.2.2 That mailbox is full; try again later"
TOO_LARGE = "552 5.2.3 The message is larger than that mailbox may hold"
OK = "250 2.1.5 Ok"
LIMIT = 1_000_000


class Quotas(Place):
    """bob may hold a million bytes, alice three messages, nobody else has a quota."""

    def __init__(self):
        super().__init__()
        limits = [(b"qbob", b"%d:0" % LIMIT), (b"qalice", b"0:3")]
        make_cdb(os.path.join(self.path, "users", "cdb"), users_entries([b"bob", b"alice", b"carol"], []) + limits)
        self.flag = os.path.join(self.path, "users", "full", "bob")

    def say(self, text, age=0, name="bob"):
        path = os.path.join(self.path, "users", "full", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.utime(path, (time.time() - age, time.time() - age))

    def ask(self, recipient="bob", size=None):
        """The answer to one recipient, in a session of its own."""
        smtpd = self.start()
        mail = "MAIL FROM:<x@client.example>" + ("" if size is None else f" SIZE={size}")
        smtpd.send(f"EHLO c\r\n{mail}\r\nRCPT TO:<{recipient}@here.example>\r\nQUIT\r\n".encode())
        replies = [smtpd.reply() for _ in range(5)]
        self.log = smtpd.log()
        equal(smtpd.end(), 0)
        return replies[3][0]


@case("a mailbox with room takes mail, one that says that it is full does not, for 15 minutes")
def _():
    with Quotas() as place:
        equal(place.ask(), OK)  # no file: nobody knows
        place.say("")
        equal(place.ask(), OK)
        place.say("0\n")
        equal(place.ask(), FULL)
        equal(place.ask(size=1), FULL)
        contains(place.log, "reply=452\\x204.2.2")
        contains(place.log, "recipient=bob@here.example")
        place.say("0\n", age=14 * 60)
        equal(place.ask(), FULL)
        place.say("0\n", age=16 * 60)
        equal(place.ask(), OK)
        place.say("0\n", age=-60)  # a time to come is nobody's
        equal(place.ask(), OK)
        place.say("0\n", name="alice")
        equal((place.ask("alice"), place.ask("bob")), (FULL, OK))


@case("what is no larger than the room that is left is taken, and who does not say how large gets none")
def _():
    with Quotas() as place:
        place.say("5000\n")
        equal([place.ask(size=size) for size in (None, 0, 1, 5000, 5001)], [FULL, FULL, OK, OK, FULL])


@case("a message larger than the mailbox may ever hold is refused for good")
def _():
    with Quotas() as place:
        equal([place.ask(size=size) for size in (LIMIT, LIMIT + 1)], [OK, TOO_LARGE])
        equal(place.ask("alice", size=LIMIT + 1), OK)  # she is limited in messages only
        equal(place.ask("carol", size=LIMIT + 1), OK)


@case("a file that says nothing that makes sense means no room; one that is no file means nothing")
def _():
    with Quotas() as place:
        for text in ("x", "12", "1 2\n", "-1\n", "\n", "9" * 40 + "\n", "1\n" * 100000):
            place.say(text)
            equal((place.ask(size=1), place.ask()), (FULL, FULL), repr(text[:20]))
        os.unlink(place.flag)
        for name, trick in {"a FIFO": lambda: os.mkfifo(place.flag), "a link": lambda: os.symlink("alice", place.flag),
                            "a directory": lambda: os.mkdir(place.flag),
                            "a socket": lambda: socket.socket(socket.AF_UNIX).bind(place.flag)}.items():
            place.say("0\n", name="alice")
            trick()
            equal(place.ask(), OK, name)
            os.rmdir(place.flag) if name == "a directory" else os.unlink(place.flag)


@case("who has no quota is never full, whatever lies in users/full")
def _():
    with Quotas() as place:
        place.say("0\n", name="carol")
        equal(place.ask("carol"), OK)


@case("full mailboxes are no guesses at names: they do not end the session")
def _():
    with Quotas() as place:
        place.control("maxunknownrecipients", "2\n")
        place.say("0\n")
        smtpd = place.start()
        smtpd.send(b"EHLO c\r\nMAIL FROM:<x@client.example>\r\n" + b"RCPT TO:<bob@here.example>\r\n" * 10 + b"RCPT TO:<carol@here.example>\r\nQUIT\r\n")
        replies = [smtpd.reply()[0] for _ in range(15)]
        equal(replies[3:13], [FULL] * 10)
        equal(replies[13], OK)
        expect(replies[14].startswith("221"), replies)
        equal(smtpd.end(), 0)


finish()
