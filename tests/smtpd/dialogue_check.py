#!/usr/bin/env python3
"""Dialogues with smtpd on descriptors 0 and 1: every file of tests/smtpd/dialogue/, a case each.

    # why this dialogue exists
    control NAME "text"      before the start: writes control/NAME; control NAME - removes it
    env NAME=VALUE           one variable of the listener's; env - starts with none
    queue accepts | refuses "5.3.0 why" | defers "4.3.1 why" | dies | hangs-up | absent | back
    users absent | damaged
    C: one  |  two           lines to send, CRLF added, in one write
    C! "raw\\r\\n" * 3 + "x"   bytes to send as they are; \\xNN, \\r, \\n, \\0 as in Python
    C< "raw"                 the same, and it lies there before smtpd starts
    C- closes                the client sends no more
    S: 250 *  |  354 *       replies that come, one after the other; * matches anything; "250-*  ..  250 DSN" is a reply
                             of several lines by its first and last; "end" is the end of the connection
    S+ 250-SIZE *            some line of the last reply
    S* 452 * 99000           this many equal replies
    log event=refused *      some line of the log, once smtpd has ended
    messages 1               how many the queue took (all of the session)
    text "..." * 2           the last of them
    has f 8                  a record of its envelope: letter and value; lacks f
    abandons N               how often the queue was told to forget, at the end
    exit 0                   ends the dialogue
"""

import ast
import fnmatch
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import check  # noqa: E402
from smtpd_place import Place  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = re.compile(r'\s*("(?:[^"\\]|\\.)*")(?:\s*\*\s*(\d+))?\s*(\+|$)')


def literal(text):
    """'"ab\\r\\n" * 2 + "c"' to bytes."""
    data, at = b"", 0
    while at < len(text):
        piece = PIECE.match(text, at)
        check.expect(piece, f"not a literal: {text}")
        data += ast.literal_eval("b" + piece[1]) * int(piece[2] or 1)
        at = piece.end()
    return data


def matches(pattern, line):
    return fnmatch.fnmatchcase(line, pattern.replace("[", "[[]"))


class Dialogue:
    def __init__(self, place, path):
        self.place, self.path = place, path
        self.smtpd = None
        self.last = []
        self.code = None
        self.number = 0
        self.wanted_log = []
        self.wanted_abandons = None

    def run(self):
        with open(self.path, encoding="utf-8") as file:
            for self.number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                if line and not line.startswith("#"):
                    self.step(line)
        check.expect(self.code is not None, "the file does not end with exit")

    def fail(self, why):
        check.fail(f"line {self.number}: {why}")

    def step(self, line):
        word, _, rest = line.partition(" ")
        before = {"control": self.control, "env": self.env, "users": self.users}
        during = {"C:": self.say, "C!": self.send, "C-": self.close, "S:": self.hear, "S+": self.recall, "S*": self.hear_many}
        after = {"log": self.log, "messages": self.messages, "text": self.text, "has": self.has, "lacks": self.lacks, "abandons": self.abandons}
        if word == "C<":
            self.smtpd = self.place.start(early=literal(rest))
            return
        if word in during and not self.smtpd:
            self.smtpd = self.place.start()
        if word == "queue":
            self.queue(rest.strip())
        elif word == "exit":
            self.code = self.smtpd.end()
            if self.code != int(rest):
                self.fail(f"exit {self.code}: {self.smtpd.log()}")
            self.settle()
            lines = self.smtpd.log().splitlines()
            for wanted in self.wanted_log:
                if not any(matches(f"prog=smtpd pid=* {wanted}", each) for each in lines):
                    self.fail(f"no log line {wanted} in {lines}")
        else:
            {**before, **during, **after}[word](rest.strip())

    def control(self, rest):
        name, _, text = rest.partition(" ")
        self.place.control(name, None if text == "-" else literal(text).decode())

    def env(self, rest):
        if rest == "-":
            self.place.environment = {}
        else:
            name, _, value = rest.partition("=")
            self.place.environment[name] = value

    def users(self, rest):
        path = os.path.join(self.place.path, "users", "cdb")
        os.unlink(path)
        if rest == "damaged":
            with open(path, "wb") as file:
                file.write(b"\xff" * 3000)

    def queue(self, rest):
        word, _, text = rest.partition(" ")
        if word == "absent":
            self.place.queue.stop()
        elif word == "back":
            self.place.queue.start()
        else:
            self.place.queue.mood = (word, literal(text) if text else b"")

    def say(self, rest):
        self.smtpd.send(b"".join(line.strip().encode() + b"\r\n" for line in re.split(r"\s\|\s", rest)))

    def send(self, rest):
        self.smtpd.send(literal(rest))

    def close(self, _):
        self.smtpd.finish_sending()

    def hear(self, rest):
        for wanted in re.split(r"\s\|\s", rest):
            wanted = wanted.strip()
            reply = self.last = self.smtpd.reply()
            if wanted == "end":
                if reply is not None:
                    self.fail(f"not the end but {reply}")
                continue
            if reply is None:
                self.fail(f"the end, not {wanted}; log: {self.smtpd.log()}")
            ends = [end.strip() for end in wanted.split("  ..  ")]
            if not matches(ends[0], reply[0]) or not matches(ends[-1], reply[-1]) or (len(ends) == 1) != (len(reply) == 1):
                self.fail(f"{reply}, not {wanted}")

    def hear_many(self, rest):
        wanted, count = rest.rsplit(" ", 1)
        for _ in range(int(count)):
            line = self.smtpd.line()
            if line is None or (line != wanted and not matches(wanted, line)):
                self.fail(f"{line}, not {wanted}")

    def recall(self, rest):
        if not any(matches(rest, line) for line in self.last):
            self.fail(f"no line {rest} in {self.last}")

    def log(self, rest):
        self.wanted_log.append(rest)

    def messages(self, rest):
        if len(self.place.queue.messages) != int(rest):
            self.fail(f"{len(self.place.queue.messages)} messages")

    def text(self, rest):
        if self.place.queue.messages[-1].text != literal(rest):
            self.fail(f"text {self.place.queue.messages[-1].text[:300]}")

    def has(self, rest):
        letter, _, value = rest.partition(" ")
        values = [each.decode() for each in self.place.queue.messages[-1].values(letter)]
        if value not in values:
            self.fail(f"record {letter}: {values}")

    def lacks(self, rest):
        if self.place.queue.messages[-1].values(rest):
            self.fail(f"a record {rest}")

    def abandons(self, rest):
        self.wanted_abandons = int(rest)

    def settle(self):
        self.place.queue.settle()
        if self.wanted_abandons not in (None, self.place.queue.abandoned):
            self.fail(f"{self.place.queue.abandoned} abandons")


for file_name in sys.argv[1:] or sorted(glob.glob(os.path.join(HERE, "dialogue", "*.txt"))):

    @check.case(os.path.basename(file_name)[:-4])
    def _():
        with Place() as place:
            dialogue = Dialogue(place, file_name)
            try:
                dialogue.run()
            finally:
                if dialogue.smtpd and dialogue.code is None:
                    dialogue.smtpd.process.kill()
                    dialogue.smtpd.end()


check.finish()
