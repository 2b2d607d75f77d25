#!/usr/bin/env python3
"""How many messages a second go through and out, to one destination and to 1,000, beside Postfix with Debian's defaults. Each
comes in by SMTP over 10 kept connections and goes out to smtp-sink. Figures, no verdict: run alone"""
import os
import pathlib
import socket
import sys
import threading
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "e2e")]
import hosts  # noqa: E402  pylint: disable=wrong-import-position
from others import Postfix, SmtpSink, why_not  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance  # noqa: E402  pylint: disable=wrong-import-position
from check import case, finish, ok, skip  # noqa: E402  pylint: disable=wrong-import-position

MESSAGES = int(os.environ.get("MESSAGES", "1000"))
DESTINATIONS = 1000
CLIENTS = 10
SECONDS = 60
TEXT = b"From: <s@client.example>\r\nTo: <r@bench.example>\r\nSubject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * 28 + b".\r\n"


def address_of(number):
    return f"127.4.{number // 250}.{number % 250 + 1}"


class Client(threading.Thread):
    """Sends its share over one connection, MAIL, RCPT and DATA in one packet."""

    def __init__(self, where, domains):
        super().__init__()
        self.where, self.domains, self.error = where, domains, None

    def run(self):
        try:
            with socket.create_connection(self.where, SECONDS) as stream, stream.makefile("rb") as replies:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.hear(replies)
                stream.sendall(b"EHLO client.example\r\n")
                self.hear(replies)
                for domain in self.domains:
                    stream.sendall(f"MAIL FROM:<s@client.example>\r\nRCPT TO:<r@{domain}>\r\nDATA\r\n".encode())
                    for _ in range(3):
                        self.hear(replies)
                    stream.sendall(TEXT)
                    self.hear(replies)
                stream.sendall(b"QUIT\r\n")
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    @staticmethod
    def hear(replies):
        while True:
            line = replies.readline()
            if line[:1] not in b"23" or not line:
                raise OSError(f"refused: {line!r}")
            if line[3:4] != b"-":
                return


def measure(where, domains, sink):
    """Messages a second, from the first connection to the last message at smtp-sink."""
    before, start = sink.count, time.monotonic()
    clients = [Client(where, domains[number::CLIENTS]) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
        if client.error:
            raise client.error
    sink.wait_for(before + len(domains), SECONDS)
    return len(domains) / (time.monotonic() - start)


def figures(where, sink):
    one = measure(where, ["d0.bench.example"] * MESSAGES, sink)
    return one, measure(where, [f"d{number % DESTINATIONS}.bench.example" for number in range(MESSAGES)], sink)


def run():
    port = hosts.common_port(["0.0.0.0"])
    routes = [(f"d{number}.bench.example", f"[{address_of(number)}]:{port}") for number in range(DESTINATIONS)]
    with SmtpSink("", port) as sink:
        with Instance(users=("alice",), settings={"rcpthosts": ".bench.example"}) as mail:
            (mail.dir / "control/smtproutes").write_text("".join(f"{domain}:{relay}\n" for domain, relay in routes))
            mail.service("queue-send").restart()
            ours = figures(("127.0.0.1", int(mail.env["SMTP_PORT"])), sink)
        transport = pathlib.Path("/tmp") / f"postern-transport-{os.getpid()}"
        transport.write_text("".join(f"{domain} smtp:{relay}\n" for domain, relay in routes))
        try:
            settings = [f"transport_maps = texthash:{transport}"]
            with Postfix("127.0.3.1", port + 1, "bench.example", settings=settings) as postfix:
                theirs = figures((postfix.address, postfix.port), sink)
        finally:
            transport.unlink()
    for what, our, their in zip(("1 destination", f"{DESTINATIONS} destinations"), ours, theirs):
        ok(f"{MESSAGES} messages out to {what}: {our:.0f} a second; Postfix {their:.0f}; {our / their:.1f} times as many")


if why_not():

    @case("speed of outgoing mail")
    def _():
        skip(why_not())
else:
    run()
finish()
