#!/usr/bin/env python3
"""How long logins, lists and messages take over POP3, beside Dovecot of Debian 12 as it ships and as a busy host would run it (login processes
that stay, and a cache of passwords): one after the other, in turn, medians. Figures, no verdict: run alone"""
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "e2e")]
from others import Dovecot, why_not  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance  # noqa: E402  pylint: disable=wrong-import-position
from check import case, finish, ok, skip  # noqa: E402  pylint: disable=wrong-import-position

MESSAGES = int(os.environ.get("MESSAGES", "1000"))
LOGINS = 20
ROUNDS = 3
PASSWORD = "secret"
TEXT = b"From: <s@client.example>\nTo: <alice@localhost>\nSubject: bench %d\n\n" + (b"x" * 70 + b"\n") * 90 + b".\n"
BUSY = ("service pop3-login {", " service_count = 0", " process_min_avail = 1", "}", "auth_cache_size = 10M", "protocol pop3 {", " mail_max_userip_connections = 100", "}")


class Session:
    def __init__(self, where, user):
        self.socket = socket.create_connection(where, 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb", 1 << 18)
        self.stream.readline()
        self.ask(b"USER %s" % user.encode())
        self.ask(b"PASS " + PASSWORD.encode())

    def ask(self, line):
        self.socket.sendall(line + b"\r\n")
        answer = self.stream.readline()
        if not answer.startswith(b"+OK"):
            raise OSError(f"{line!r}: {answer!r}")

    def lines(self, line):
        self.ask(line)
        return sum(1 for _ in iter(self.stream.readline, b".\r\n"))

    def retrieve(self, numbers):
        """As little work on this side as can be; the messages hold no line with a dot but at their ends."""
        self.socket.sendall(b"".join(b"RETR %d\r\n" % number for number in numbers))
        left, tail = len(numbers), b""
        while left:
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise OSError("the connection ended")
            left -= (tail + piece).count(b"\r\n.\r\n")
            tail = (tail + piece)[-4:]

    def quit(self):
        self.ask(b"QUIT")
        self.stream.read()
        self.stream.close()
        self.socket.close()


class Target:
    def __init__(self, name, where, maildir):
        self.name, self.where, self.maildir, self.found = name, where, maildir, {}

    def time(self, what, action):
        start = time.perf_counter()
        answer = action()
        self.found.setdefault(what, []).append(time.perf_counter() - start)
        return answer

    def fill(self):
        owner = self.maildir.stat()
        for number in range(MESSAGES):
            text = TEXT % number
            path = self.maildir / "new" / f"{1_700_000_000 + number}.M{number}P1Q1.host,S={len(text)},W={len(text) + text.count(10)}"
            path.write_bytes(text)
            os.chown(path, owner.st_uid, owner.st_gid)

    def forget(self):
        """What it keeps beside the messages."""
        for path in self.maildir.iterdir():
            if path.is_file():
                path.unlink()

    def lists(self):
        session = Session(self.where, "alice")
        session.lines(b"LIST")
        session.lines(b"UIDL")
        return session


def measure(targets):
    for user, what in (("alice", "a login, SHA512-CRYPT"), ("bob", "a login, yescrypt")):
        for target in targets:
            Session(target.where, user).quit()
        for _ in range(LOGINS):
            for target in targets:
                target.time(what, lambda: Session(target.where, user).quit())
    for target in targets:
        target.fill()
    numbers = list(range(1, min(MESSAGES, 1000) + 1))
    for _ in range(ROUNDS):
        for target in targets:
            target.forget()
            target.time(f"login, LIST and UIDL of {MESSAGES} messages, without indexes", target.lists).quit()
        for target in targets:
            session = target.time(f"login, LIST and UIDL of {MESSAGES} messages", target.lists)
            target.time(f"{len(numbers)} messages, one by one", lambda: [session.retrieve([number]) for number in numbers])
            target.time(f"{len(numbers)} messages, pipelined", lambda: session.retrieve(numbers))
            session.quit()


def run():
    hashed = subprocess.check_output(["openssl", "passwd", "-6", PASSWORD], text=True).strip()
    with Instance(users=("alice", "bob"), domains=("localhost",)) as mail:
        passwords = mail.dir / "users/passwords"
        lines = {line.split(":")[0]: line for line in passwords.read_text().splitlines()}
        users = {"alice": hashed, "bob": lines["bob"].split(":")[1]}
        lines["alice"] = f"alice:{hashed}" + "".join(f":{part}" for part in lines["alice"].split(":")[2:])
        other = passwords.with_suffix(".new")
        shutil.copy2(passwords, other)
        other.write_text("".join(f"{line}\n" for line in lines.values()))
        shutil.chown(other, passwords.stat().st_uid, passwords.stat().st_gid)
        other.rename(passwords)
        port = int(mail.env["POP3_PORT"])
        uid = os.stat(mail.maildir("alice")).st_uid + 1000
        with Dovecot("127.0.0.6", port, users, uid) as shipped, Dovecot("127.0.0.7", port, users, uid, BUSY) as busy:
            targets = [Target("Postern", ("127.0.0.1", port), mail.maildir("alice"))]
            targets += [Target(name, (peer.address, port), peer.maildir("alice")) for name, peer in (("Dovecot", shipped), ("busy Dovecot", busy))]
            measure(targets)
    ours = targets[0]
    for what, times in ours.found.items():
        own = statistics.median(times)
        others = "; ".join(f"{peer.name} {statistics.median(peer.found[what]) / own:.2f} times as long" for peer in targets[1:])
        ok(f"{what}: {own * 1000:.1f} ms; {others}")
    print(f"  load {os.getloadavg()[0]:.1f}")


if why_not(("dovecot-core", "dovecot-pop3d")) or os.geteuid() != 0:

    @case("speed of POP3")
    def _():
        skip(why_not(("dovecot-core", "dovecot-pop3d")) or "takes root")
else:
    run()
finish()
