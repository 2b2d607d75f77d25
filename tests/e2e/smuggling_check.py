#!/usr/bin/env python3
"""smuggling_check - every word of length <= 8 over CR, LF and '.' as message text, over kept connections

One message or a refusal, never two, and what is delivered is what was sent. The model below is RFC 5321 4.1.1.4 and
nothing else: the text ends at the first CRLF.CRLF, and a CR or LF by itself anywhere before it refuses the message.
"""
import itertools
import pathlib
import re
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish
from postern import Instance

words = [bytes(word) for length in range(9) for word in itertools.product(b"\r\n.", repeat=length)]
header = "Subject: %d\r\n\r\n"


def expected(text):
    """(lines as delivered, or None where it must be refused; bytes behind the end of the message)"""
    end = text.index(b"\r\n.\r\n")
    message, rest = text[:end + 2], text[end + 5:]
    if re.search(rb"\r(?!\n)|(?<!\r)\n", message):
        return None, rest
    return re.sub(rb"(?m)^\.", b"", message.replace(b"\r\n", b"\n")), rest


class Session:
    """One kept connection, opened again where the server ends it."""

    def __init__(self, mail):
        self.mail, self.opened = mail, 0
        self.open()

    def open(self):
        self.socket = self.mail.connect()
        self.replies = self.socket.makefile("rb")
        self.opened += 1
        equal(self.reply()[:3], "220")
        self.socket.sendall(b"EHLO client.example\r\n")
        equal(self.reply()[:3], "250")

    def reply(self):
        """The last line of the next reply; "" where the connection has ended."""
        while True:
            line = self.replies.readline().decode()
            if line[3:4] != "-":
                return line

    def send(self, number, text):
        """Code of the reply to the message, and of all replies behind it up to the one to RSET."""
        self.socket.sendall(b"MAIL FROM:<a@client.example>\r\nRCPT TO:<alice@here.example>\r\nDATA\r\n")
        equal([self.reply()[:3] for _ in range(3)], ["250", "250", "354"], f"word {number}")
        self.socket.sendall(text + b"RSET\r\n")
        answer, behind = self.reply()[:3], []
        while answer:
            line = self.reply()
            behind.append(line[:3])
            if line.startswith("250") or not line:
                break
        if not behind or not behind[-1]:
            self.open()
        return answer, behind


with Instance(users=("alice",), settings={"concurrencylocal": "20", "maxbadcommands": "1000"}) as mail:
    want, answers = {}, {"250": 0, "550": 0}

    @case(f"{len(words)} words: the right answer to each, and none is taken for a second message", seconds=300)
    def _():
        session = Session(mail)
        for number, word in enumerate(words):
            text = (header % number).encode() + word + b"\r\n.\r\n"
            message, rest = expected(text)
            answer, behind = session.send(number, text)
            equal(answer, "550" if message is None else "250", f"answer to {word!r}")
            answers[answer] += 1
            if not rest:
                equal(behind, ["250"], f"replies behind {word!r}")
            expect("354" not in behind, f"{word!r} opened a second message")
            if message is not None:
                want[number] = message
        expect(answers["250"] > 100 and answers["550"] > 5000, f"answers: {answers}")

    @case("what was delivered is what was sent, each once")
    def _():
        mail.wait_for_messages("alice", len(want), seconds=120)
        mail.wait_for_empty_queue()
        got = {}
        for message in mail.messages("alice"):
            at = message.index(b"Subject: ")
            number = int(message[at + 9:message.index(b"\n", at)])
            expect(number not in got, f"word {number} was delivered twice")
            got[number] = message[at:]
        equal(set(got), set(want), "words delivered")
        for number, message in want.items():
            equal(got[number], message, f"word {words[number]!r}")

finish()
