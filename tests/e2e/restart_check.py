#!/usr/bin/env python3
"""restart_check - a service restarts, or dies, and no client is refused and no message lost"""
import collections
import pathlib
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish
from postern import Instance, wait_until


class Clients(threading.Thread):
    """Sends messages one after the other, each on a connection of its own, until stopped."""

    def __init__(self, mail, label):
        super().__init__()
        self.mail, self.label, self.sent, self.trouble = mail, label, 0, None
        self.put_off = []
        self.stopping, self.moved = False, threading.Condition()

    def run(self):
        while not self.stopping:
            try:
                code, text = self.mail.send("alice", f"Subject: {self.label} {self.sent}\r\n\r\n".encode())
                if 400 <= code < 500:  # not accepted: it is sent again
                    self.put_off.append(text.decode())
                    continue
                if code != 250:
                    self.trouble = f"{code} {text!r}"
            except Exception as error:  # pylint: disable=broad-except
                self.trouble = f"{type(error).__name__}: {error}"
            with self.moved:
                if self.trouble is None:
                    self.sent += 1
                self.moved.notify_all()
                if self.trouble is not None:
                    return

    def wait_for_more(self, count):
        with self.moved:
            target = self.sent + count
            self.moved.wait_for(lambda: self.sent >= target or self.trouble is not None, 30)

    def __enter__(self):
        self.start()
        self.wait_for_more(3)
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()


def compare(mail, expected):
    """All arrived, each once; but what was under way when local-spawn was killed may have arrived twice."""
    missing = lambda: set(expected) - {subject_of(message) for message in mail.messages("alice")}
    wait_until(lambda: not missing(), [mail.maildir("alice") / "new"], what=lambda: f"arrival of {sorted(missing())[:5]}")
    counts = collections.Counter(subject_of(message) for message in mail.messages("alice"))
    equal(set(counts), set(expected), "subjects")
    equal({subject: count for subject, count in counts.items() if count > 1 and "local-spawn killed" not in subject}, {}, "duplicates")


def subject_of(message):
    return next(line for line in message.decode().split("\n") if line.startswith("Subject:"))


with Instance(users=("alice",)) as mail:
    expected = []

    for service in [service for service in mail.services() if service.name != "fdholder"]:
        for way, restart in (("restarted", service.restart), ("killed", service.kill_and_wait)):

            @case(f"{service.name} {way} while clients send: nobody is refused, everything arrives")
            def _():
                old = service.pid()
                with Clients(mail, f"{service.name} {way}") as clients:
                    restart()
                    clients.wait_for_more(5)
                equal(clients.trouble, None)
                if way == "restarted":
                    equal(clients.put_off, [])
                expect(service.is_ready() and service.pid() != old, "there is no new process")
                expected.extend(f"Subject: {clients.label} {i}" for i in range(clients.sent))
                compare(mail, expected)

    @case("queue-trusted restarted between DATA and the dot: the message is taken all the same")
    def _():
        with mail.smtp() as client:
            client.ehlo()
            client.mail("a@client.example")
            client.rcpt("alice@here.example")
            equal(client.docmd("DATA")[0], 354)
            mail.service("queue-trusted").restart()
            client.send(b"Subject: across a restart\r\n\r\n.\r\n")
            equal(client.getreply()[0], 250)
        expected.append("Subject: across a restart")
        compare(mail, expected)

    @case("fdholder killed: services go on, and go on after their next restart")
    def _():
        mail.service("fdholder").kill_and_wait()
        mail.send("alice", b"Subject: without holder\r\n\r\n")
        for service in mail.services():
            if service.name != "fdholder":
                service.restart()
        mail.send("alice", b"Subject: with holder\r\n\r\n")
        expected.extend(["Subject: without holder", "Subject: with holder"])
        compare(mail, expected)

finish()
