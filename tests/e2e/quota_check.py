#!/usr/bin/env python3
"""A full mailbox in a whole instance: refused at RCPT and never bounced, emptied by POP3 or by hand, and nothing lost on the way"""
import os
import pathlib
import poplib
import re
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish  # noqa: E402
from own_etc import name_this_host  # noqa: E402
from postern import Instance, wait_until  # noqa: E402

PASSWORD = "secret"
BODY = b"y" * 70 + b"\r\n"
OLD = 16 * 60  # seconds: more than what is known of a full mailbox counts for
FULL = (452, b"4.2.2 That mailbox is full; try again later")


name_this_host()
with Instance(users=("alice", "bob")) as mail:
    maildir = mail.maildir("alice")
    flag = mail.dir / "users/full/alice"
    accepted = []  # subjects

    def quota(*words):
        done = mail.run("user", "quota", "alice", *words)
        equal((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def send(size=10_000, declared=True, user="alice"):
        """The reply to RCPT, and to the message if that was 250."""
        subject = b"number %d" % len(accepted)
        message = b"From: x@client.example\r\nSubject: " + subject + b"\r\n\r\n" + BODY * (size // len(BODY))
        with mail.smtp() as client:
            client.ehlo()
            client.mail("x@client.example", [f"SIZE={len(message)}"] if declared else [])
            reply = client.rcpt(mail.address(user))
            if reply[0] == 250:
                code, text = client.data(message)
                equal(code, 250, text)
                if user == "alice":
                    accepted.append(subject)
            return reply

    def settled():
        """Every message that was accepted is in the mailbox or was deferred."""
        waiting = len(mail.queued())
        return len(mail.message_files("alice")) + removed + waiting == len(accepted) and (
            not waiting or len(set(re.findall(r"event=delivery id=(\w+) .*outcome=deferred", mail.log("queue-send"))) & set(mail.queued())) == waiting)

    def fill():
        """Sends until RCPT is refused; gives that reply."""
        for _ in range(20):
            reply = send()
            if reply[0] != 250:
                return reply
            wait_until(settled, [maildir / "new", mail.dir / "log/queue-send", mail.dir / "queue/todo"], what="each message delivered or deferred")
        return None

    removed = 0

    @case("a mailbox is filled until RCPT says 452 4.2.2, what came before is delivered or waits, and nobody gets a bounce")
    def _():
        quota("45000")
        equal(fill(), FULL)
        equal(len(mail.message_files("alice")), 4)
        equal((len(accepted), len(mail.queued())), (5, 1))  # the one that showed it waits
        mail.wait_for_log("queue-send", r"4\.2\.2")
        mail.wait_for_log("local-spawn", "event=over-quota user=alice ")
        mail.wait_for_log("smtpd", r"reply=452\\x204\.2\.2")
        expect(not re.search("event=bounce", mail.log("queue-send")), "a bounce was made")
        equal(quota().split()[-1], "yes")

    @case("others are not touched by it, and a small message that fits is taken")
    def _():
        equal(send(user="bob")[0], 250)
        mail.wait_for_messages("bob", 1)
        equal(send(declared=False), FULL)
        equal(send(size=2000)[0], 250)
        wait_until(settled, [maildir / "new"], what="the small one delivered")
        equal(len(mail.message_files("alice")), 5)

    @case("a message larger than the whole quota is refused for good")
    def _():
        equal(send(size=50_000), (552, b"5.2.3 The message is larger than that mailbox may hold"))

    @case("POP3 removes, RCPT is accepted again, and what waited arrives")
    def _():
        global removed  # pylint: disable=global-statement
        fill()
        equal(send(), FULL)
        pop = poplib.POP3("localhost", int(mail.env["POP3_PORT"]), timeout=30)
        pop.user("alice")
        pop.pass_(PASSWORD)
        for number in range(1, pop.stat()[0]):  # all but one
            pop.dele(number)
            removed += 1
        pop.quit()
        equal(flag.read_text(), "")
        equal(send()[0], 250)
        equal(mail.run("queue", "flush").returncode, 0)
        mail.wait_for_empty_queue()
        equal(len(mail.message_files("alice")) + removed, len(accepted))

    @case("who empties it by hand gets mail again after 15 minutes, by one message that is let through")
    def _():
        global removed  # pylint: disable=global-statement
        fill()
        equal(send(), FULL)
        for path in mail.message_files("alice"):
            path.unlink()
            removed += 1
        equal(send(), FULL)  # nobody knows yet
        for path in (flag, maildir / "maildirsize"):
            os.utime(path, (time.time() - OLD, time.time() - OLD))
        equal(send()[0], 250)
        wait_until(lambda: flag.read_text() == "", [flag.parent], what="the mailbox not full")
        equal(send()[0], 250)
        equal(mail.run("queue", "flush").returncode, 0)
        wait_until(settled, [maildir / "new", mail.dir / "log/queue-send", mail.dir / "queue/todo"], what="the rest delivered")

    @case("without a quota everything that waits is delivered")
    def _():
        quota("none")
        equal(mail.run("queue", "flush").returncode, 0)
        mail.wait_for_empty_queue()
        equal(len(mail.message_files("alice")) + removed, len(accepted))
        subjects = [re.search(rb"^Subject: (.*)$", text, re.M)[1] for text in mail.messages("alice")]
        equal(len(set(subjects)), len(subjects))


finish()
