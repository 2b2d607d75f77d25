#!/usr/bin/env python3
"""tools_check - postern's tools on a running instance: users come and go, the queue is seen and flushed, status tells"""
import json
import pathlib
import poplib
import smtplib
import subprocess
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance, wait_until


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
            told = {line.split()[0]: line.split()[1] for line in postern("status", code=1).splitlines()[1:-1]}
            equal({name for name, state in told.items() if state == "down"}, {"bounce"})
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

    @case("a domain that is added takes mail at once, from strangers and from users here, in both spellings; removed, it is refused at once")
    def _():
        for name in ["fresh.example", "b\u00fccher.example"]:
            ascii_name = name.encode("idna").decode()
            postern("domain", "add", name)
            postern("user", "add", f"info@{ascii_name}")
            equal(mail.inject(f"info@{ascii_name}", message=b"Subject: of a user here\n\n").returncode, 0)
            mail.send(f"info@{ascii_name}", b"Subject: of a stranger\r\n\r\n")
            if name != ascii_name:
                with mail.smtp() as client:
                    client.ehlo()
                    client.command_encoding = "utf-8"
                    client.mail("sender@client.example", ["SMTPUTF8"])
                    equal(client.rcpt(f"info@{name}")[0], 250)
                    equal(client.data(b"Subject: in its own script\r\n\r\n")[0], 250)
            mail.wait_for_messages(f"{ascii_name}/info", 2 + (name != ascii_name))
            contains(postern("domain", "del", name, code=100) or mail.run("postern", "domain", "del", name).stderr.decode(), f"1: info@{ascii_name}")
            postern("user", "del", f"info@{ascii_name}", "--remove-mail")
            postern("domain", "del", name)
            with mail.smtp() as client:
                client.ehlo()
                client.mail("sender@client.example")
                code, text = client.rcpt(f"info@{ascii_name}")
                expect(code == 550 and b"5.7.1" in text, f"{code} {text}")
            expect(ascii_name not in [one["domain"] for one in json.loads(postern("domain", "list", "--json"))], "the domain is there")

    def pop_as(login):
        client = poplib.POP3(mail.host, int(mail.env["POP3_PORT"]), timeout=60)
        client.user(login)
        client.pass_("secret")
        return client

    @case("a mailbox that is renamed logs in by its new name alone, keeps its mail, and a session that was open goes on to its end")
    def _():
        postern("user", "add", "dora")
        postern("user", "passwd", "dora", given=b"secret\n")
        for number in range(2):
            mail.send("dora", b"Subject: %d\r\n\r\n" % number)
        mail.wait_for_messages("dora", 2)
        session = pop_as("dora")
        equal(session.stat()[0], 2)
        postern("user", "rename", "dora", "eve")
        session.dele(1)
        session.quit()
        client = pop_as("eve")
        equal(client.stat()[0], 1)
        client.quit()
        try:
            pop_as("dora")
            expect(False, "the old name opens")
        except poplib.error_proto as refused:
            contains(str(refused), "-ERR")
        mail.send("eve+shop", b"Subject: later\r\n\r\n")
        mail.wait_for_messages("eve", 2)
        with mail.smtp() as client:
            client.ehlo()
            client.mail("sender@client.example")
            equal(client.rcpt(mail.address("dora"))[0], 550)
        postern("user", "rename", "eve", "dora")

    @case("mail that comes while a mailbox is renamed, to and fro: each message that was taken is delivered, or comes back")
    def _():
        before, returned, taken, renamed = len(mail.messages("dora")), len(mail.messages("alice")), 0, 0
        name, other = "dora", "eve"
        while renamed < 6:
            renaming = subprocess.Popen([str(mail.dir / "bin/postern"), "user", "rename", name, other], env={"POSTERN_DIR": str(mail.dir)})
            while renaming.poll() is None:
                with mail.smtp() as client:  # a few messages each: there is a limit to recipients that are unknown
                    client.ehlo()
                    for _ in range(8):
                        client.mail(mail.address("alice"))
                        if {client.rcpt(mail.address(one))[0] for one in (name, other)} == {550}:
                            client.rset()
                        else:
                            equal(client.data(b"Subject: meanwhile\r\n\r\n")[0], 250)
                            taken += 1
            equal(renaming.returncode, 0)
            renamed += 1
            name, other = other, name

        def has_emptied():
            postern("queue", "flush")  # what found the home on its way waits
            return not mail.queued()

        wait_until(has_emptied, [*(mail.dir / "queue/todo").iterdir(), mail.dir / "log/queue-send"], 60, "an empty queue")
        bounced = sum(b"multipart/report" in text for text in mail.messages("alice")[returned:])
        print(f"  {taken} messages, {bounced} came back")
        delivered = len(mail.messages("dora")) - before
        equal(mail.queued(), [])
        expect(taken >= 6 and delivered + bounced == taken, f"of {taken}, {delivered} were delivered and {bounced} came back")
        postern("user", "del", "dora", "--remove-mail")

    @case("the password that is set is the one that opens")
    def _():
        postern("user", "passwd", "alice", given=b"changed\n")
        line = (mail.dir / "users/passwords").read_text().splitlines()
        expect(any(one.startswith("alice:$y$") for one in line), "no yescrypt hash")


finish()
