#!/usr/bin/env python3
"""pop3d and a mailbox's quota: what QUIT removed is noted where somebody counts, a mailbox that has room again says so, and none of it
keeps a message from going"""
import os
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from pop3_mailbox import UID, Mailbox  # noqa: E402

if os.getuid() != 0:
    case("pop3d and quotas")(lambda: skip("needs root: a mailbox belongs to a user of its own"))
    finish()
CONTENT = b"Subject: x\n\n" + b"x" * 87 + b"\n"  # 100 bytes


with Mailbox() as box:
    sizes, flag = box.maildir("maildirsize"), os.path.join(box.path, "full")

    def fill(noted, says="0\n", count=3):
        """A mailbox with these messages, maildirsize (None: there is none) and what says that it is full."""
        box.clear()
        for number in range(count):
            box.put(f"{1000 + number}.a.host", CONTENT)
        for path, text in ((sizes, noted), (flag, says)):
            if text is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(text)
                os.chown(path, UID, UID)

    def read(path):
        with open(path, encoding="ascii") as file:
            return file.read()

    def remove(*numbers, full=flag):
        """What a session of its own answers to QUIT after it has marked these."""
        with box.session(full=full) as pop:
            for number in numbers:
                expect(pop.ask(b"DELE %d" % number).startswith(b"+OK"), "DELE")
            return pop.quit()

    @case("what is removed is a line of maildirsize, and a full mailbox that has room says so")
    def _():
        fill("300S\n300 3\n")
        expect(remove(1, 3).startswith(b"+OK"), "QUIT")
        equal((read(sizes), read(flag)), ("300S\n300 3\n-200 -2\n", ""))
        equal(len(box.names()), 1)

    @case("a session that removes nothing, or ends without QUIT, changes neither")
    def _():
        fill("300S\n300 3\n")
        remove()
        equal((read(sizes), read(flag)), ("300S\n300 3\n", "0\n"))
        with box.session(full=flag) as pop:
            pop.ask(b"DELE 1")
        equal((read(sizes), read(flag), len(box.names())), ("300S\n300 3\n", "0\n", 3))

    @case("a mailbox that is still over its limit goes on saying that it is full")
    def _():
        fill("100S\n300 3\n")
        remove(1)
        equal((read(sizes), read(flag)), ("100S\n300 3\n-100 -1\n", "0\n"))
        remove(1)
        equal(read(flag), "0\n")  # 100 of 100: no room
        remove(1)
        equal(read(flag), "")

    @case("without a maildirsize none is made, and nothing is written")
    def _():
        fill(None)
        remove(1)
        expect(not os.path.exists(sizes), "maildirsize was made")
        equal(read(flag), "0\n")
        fill("300S\n300 3\n")
        remove(1, full=None)
        equal((read(sizes), read(flag)), ("300S\n300 3\n-100 -1\n", "0\n"))
        os.unlink(flag)
        remove(1)
        expect(not os.path.exists(flag), "a file of users/full was made")

    @case("a size that no name says is the file's")
    def _():
        fill("1000S\n1000 3\n", count=0)
        box.put("1000.a.host", CONTENT * 2, size="none")
        remove(1)
        equal(read(sizes), "1000S\n1000 3\n-200 -1\n")

    @case("whatever lies there instead, messages go, nothing is waited for, and nothing elsewhere is written")
    def _():
        victim = os.path.join(box.path, "victim")
        for name, trick in {"a FIFO": lambda: os.mkfifo(sizes, 0o666), "a link": lambda: os.symlink(victim, sizes), "a directory": lambda: os.mkdir(sizes),
                            "rubbish": lambda: fill("rubbish\n"), "a terabyte": lambda: (fill("300S\n"), os.truncate(sizes, 1 << 40)),
                            "less than there is": lambda: fill("300S\n50 1\n")}.items():
            fill(None)
            with open(victim, "w", encoding="ascii") as file:
                file.write("300S\n300 3\n")
            os.chmod(victim, 0o666)
            trick()
            os.lchown(sizes, UID, UID)
            expect(remove(1, 2).startswith(b"+OK"), name)
            equal(len(box.names()), 1, name)
            equal((read(victim), read(flag)), ("300S\n300 3\n", "0\n"), name)
        contains(box.log(), "event=maildirsize error=")


finish()
