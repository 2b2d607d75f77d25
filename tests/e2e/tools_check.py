#!/usr/bin/env python3
"""tools_check - postern's tools on a running instance: users come and go, the queue is seen and flushed, status tells"""
import json
import pathlib
import smtplib
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance


def postern(*words, code=0, given=b""):
    done = mail.run("postern", *words, message=given)
    equal(done.returncode, code, f"{' '.join(words)}: {done.stderr.decode()}")
    return done.stdout.decode()


def queue():
    return json.loads(postern("queue", "list", "--json"))


with Instance(users=("alice",)) as mail:

    @case("status: every service, its process and the queue, as text and as JSON")
    def _():
        told = json.loads(postern("status", "--json"))
        names = [service.name for service in mail.services()]
        equal([one["name"] for one in told["services"]], names)
        equal([one["up"] and one["ready"] for one in told["services"]], [True] * len(names))
        equal({one["name"]: one["pid"] for one in told["services"]}, {service.name: service.pid() for service in mail.services()})
        equal(told["queued"], 0)
        lines = postern("status").splitlines()
        equal([line.split()[:2] for line in lines[1:-1]], [[name, "ready"] for name in names])
        equal(lines[-1], "0 messages queued")

    @case("status: a service that is down is told, and makes it exit with 1")
    def _():
        service = mail.service("bounce")
        service.stop()
        try:
            contains(postern("status", code=1).split("\n")[1], "down")
            told = {one["name"]: one for one in json.loads(postern("status", "--json", code=1))["services"]}
            equal([told["bounce"][key] for key in ("up", "ready", "pid")], [False, False, None])
        finally:
            service.start()

    @case("a mailbox that is added takes mail at once, at its name and its sub-addresses; removed, it is unknown")
    def _():
        for user, path in [("carol", "carol"), ("info@example.org", "example.org/info")]:
            postern("user", "add", user)
            address = user if "@" in user else f"{user}@{mail.domain}"
            mail.send(address, b"Subject: one\r\n\r\n")
            mail.send(address.replace("@", "+shop@"), b"Subject: two\r\n\r\n")
            mail.wait_for_messages(path, 2)
            equal(sorted(json.loads(postern("user", "list", "--json")), key=lambda one: one["uid"])[-1]["user"], user)
            postern("user", "del", user, "--remove-mail")
            expect(not (mail.dir / "home" / path).exists(), "the home is left")
            with mail.smtp() as client:
                client.ehlo()
                client.mail("sender@client.example")
                equal(client.rcpt(address)[0], 550)

    @case("a deferred message is listed with its reason, shown, and delivered when it is flushed")
    def _():
        away = mail.maildir("alice").with_name("away")
        mail.maildir("alice").rename(away)
        reply = mail.send("alice", b"Subject: waits\r\n\r\nhello\r\n")
        mail.wait_for_log("queue-send", r"event=delivery .*recipient=alice@\S+ outcome=deferred")
        (message,) = queue()
        contains(reply[1].decode(), message["id"])
        (recipient,) = message["recipients"]
        equal((message["sender"], recipient["address"], recipient["state"], recipient["tries"]),
              ("sender@client.example", "alice@here.example", "deferred", 1))
        expect(recipient["reason"].startswith("4."), recipient["reason"])
        expect(recipient["next_try"] > time.time(), "the next try is in the past")
        contains(postern("queue", "list"), recipient["reason"])
        contains(postern("queue", "show", message["id"]), "\nSubject: waits\n\nhello\n")
        equal(postern("queue", "count"), "1\n")
        contains(postern("status"), "\n1 message queued\n")
        away.rename(mail.maildir("alice"))
        postern("queue", "flush", message["id"])
        contains(mail.wait_for_messages("alice", 1)[0], b"\nSubject: waits\n\nhello\n")
        mail.wait_for_empty_queue()
        equal(queue(), [])

    @case("flush without an ID tries all")
    def _():
        away = mail.maildir("alice").with_name("away")
        mail.maildir("alice").rename(away)
        for number in range(3):
            mail.send("alice", b"Subject: %d\r\n\r\n" % number)
        mail.wait_for_log("queue-send", r"(?s)(event=delivery [^\n]*outcome=deferred.*){4}")
        equal([one["recipients"][0]["state"] for one in queue()], ["deferred"] * 3)
        away.rename(mail.maildir("alice"))
        postern("queue", "flush")
        mail.wait_for_messages("alice", 4)
        mail.wait_for_empty_queue()

    @case("the password that is set is the one that opens")
    def _():
        postern("user", "passwd", "alice", given=b"changed\n")
        line = (mail.dir / "users/passwords").read_text().splitlines()
        expect(any(one.startswith("alice:$y$") for one in line), "no yescrypt hash")


finish()
