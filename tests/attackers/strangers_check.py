#!/usr/bin/env python3
"""strangers_check - run alone: what anybody on the network may do to an instance, and what it costs: the memory of the row and no more

Floods of the sizes that once broke mail servers (doc/holes.md); `long` makes the largest ones larger.
"""
import os
import pathlib
import select
import socket
import sys

here = pathlib.Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent), str(here.parent / "e2e")]
from attack import MIB, PROOF, SECONDS, Measure, Witness  # noqa: E402  pylint: disable=wrong-import-position
from check import case, equal, expect, finish  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance, root  # noqa: E402  pylint: disable=wrong-import-position

PER_CLIENT = int((root / "tools/service/smtpd/env/PER_CLIENT").read_text())
HELLO = b"EHLO stranger.example\r\n"
MAIL = HELLO + b"MAIL FROM:<stranger@client.example>\r\n"


class Stranger:
    """A connection that is read from only when it is asked to."""

    def __init__(self, mail, source="127.0.0.1"):
        self.stream = socket.create_connection((mail.host, mail.port), timeout=60, source_address=(source, 0))
        self.waiting = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def reply(self):
        """The code of the next reply; None at the end."""
        while True:
            line, end, rest = self.waiting.partition(b"\r\n")
            if end:
                self.waiting = rest
                if line[3:4] != b"-":
                    return int(line[:3])
                continue
            try:
                more = self.stream.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.waiting += more

    def ask(self, data):
        """The codes of the replies to complete lines."""
        self.stream.sendall(data)
        return [self.reply() for _ in range(data.count(b"\r\n"))]

    def flood(self, data, times):
        """The codes that came back, while data went out as fast as it was taken, and how often each."""
        counts = {}
        rest, left = b"", times
        at_once = max(1, 65536 // len(data))
        block = data * at_once
        self.stream.setblocking(False)
        poll = select.poll()
        half = b""
        wanted = times * data.count(b"\r\n")
        got = 0
        while got < wanted:
            poll.register(self.stream, select.POLLIN | (select.POLLOUT if rest or left else 0))
            events = poll.poll(60_000)
            expect(events, f"{got} of {wanted} replies, then nothing")
            if events[0][1] & select.POLLIN:
                more = self.stream.recv(1 << 20)
                expect(more, f"closed after {got} of {wanted} replies: {counts}")
                *lines, half = (half + more).split(b"\r\n")
                for line in lines:
                    if line[3:4] != b"-":
                        counts[int(line[:3])] = counts.get(int(line[:3]), 0) + 1
                        got += 1
            elif events[0][1] & select.POLLOUT:
                if not rest:
                    rest = block if left >= at_once else data * left
                    left -= min(left, at_once)
                rest = rest[self.stream.send(rest) :]
        self.stream.setblocking(True)
        self.stream.settimeout(60)
        return counts


with Instance(users=("alice",), settings={"maxbadcommands": "1000", "timeoutsmtpd": "3"}) as mail:

    def costs():
        return Measure(mail).look()

    @case("slow clients up to the limit of a client from seven addresses: mail of others goes on, one more is told 421", seconds=SECONDS)
    def _():
        with Witness(mail) as witness:
            strangers = [Stranger(mail, f"127.0.1.{1 + number // PER_CLIENT}") for number in range(7 * PER_CLIENT)]
            equal({each.reply() for each in strangers}, {220}, "greetings")
            for letter in b"EHL":
                for each in strangers:
                    each.stream.sendall(bytes([letter]))
                witness.wait(2)
            with Stranger(mail, "127.0.1.1") as one_more:
                equal((one_more.reply(), one_more.reply()), (421, None))
            measure = costs()
            for each in strangers:
                each.stream.close()
        equal(witness.deferred, [])
        print(f"  {len(strangers)} slow clients; mail meanwhile: {witness.verdict()}\n  {measure.verdict()}")

    @case("a client that never reads its replies ends by the time limit, in little memory", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger, Witness(mail) as witness:
            stranger.stream.settimeout(0.2)
            sent = 0
            try:
                while True:
                    sent += stranger.stream.send(b"NOOP\r\n" * 10_000)
            except TimeoutError:
                pass  # both directions are full
            measure = costs()
            witness.wait(3)
            mail.wait_for_log("smtpd", r"event=disconnect client=127\.0\.0\.1 why=(?!quit)\S+", SECONDS)
        print(f"  {sent} bytes of commands; mail meanwhile: {witness.verdict()}\n  {measure.verdict()}")

    @case("100,000 commands are 100,000 replies in little memory", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger:
            stranger.reply()
            equal(stranger.flood(b"NOOP\r\n", 100_000), {250: 100_000})
            print(f"  {costs().verdict()}")

    @case("RCPT without end: no more than control/maxrecipients, in little memory", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger:
            stranger.reply()
            equal(stranger.ask(MAIL), [250, 250])
            count = 1_000_000 if PROOF else 100_000
            equal(stranger.flood(b"RCPT TO:<alice@here.example>\r\n", count), {250: 1000, 452: count - 1000})
            print(f"  {costs().verdict()}")

    @case("a million BDAT chunks of one byte are one message, in little memory", seconds=SECONDS)
    def _():
        before = len(mail.message_files("alice"))
        with Stranger(mail) as stranger:
            stranger.reply()
            equal(stranger.ask(MAIL + b"RCPT TO:<alice@here.example>\r\n"), [250, 250, 250])
            stranger.stream.sendall(b"BDAT 14\r\nSubject: x\r\n\r\n")
            equal(stranger.reply(), 250)
            count = 950_000
            equal(stranger.flood(b"BDAT 1\r\nx", 60_000), {250: 60_000})
            stranger.stream.sendall(b"BDAT 2\r\n\r\n")
            equal(stranger.reply(), 250)
            for _ in range(count // 50_000):
                stranger.flood(b"BDAT 1\r\ny", 50_000)
                stranger.stream.sendall(b"BDAT 2\r\n\r\n")
                equal(stranger.reply(), 250)
            measure = costs()
            stranger.stream.sendall(b"BDAT 0 LAST\r\n")
            equal(stranger.reply(), 250)
        body = mail.wait_for_messages("alice", before + 1)[-1].split(b"\n\n", 1)[1]
        equal(len(body), 60_001 + 50_001 * (count // 50_000))
        print(f"  {measure.verdict()}")

    @case("a command line without end is one bad command, in little memory", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger:
            stranger.reply()
            size = (1024 if PROOF else 128) * MIB
            piece = b"MAIL FROM:<" + b"a" * (MIB - 11)
            for _ in range(size // MIB):
                stranger.stream.sendall(piece)
            stranger.stream.sendall(b"\r\n")
            equal(stranger.reply(), 500)
            measure = costs()
            equal(stranger.ask(b"NOOP\r\n"), [250])
        print(f"  {size // MIB} MiB; {measure.verdict()}")

    @case("a header line without end is a refusal, in little memory", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger:
            stranger.reply()
            equal(stranger.ask(MAIL + b"RCPT TO:<alice@here.example>\r\nDATA\r\n"), [250, 250, 250, 354])
            size = (1024 if PROOF else 128) * MIB
            stranger.stream.sendall(b"Subject: ")
            for _ in range(size // MIB):
                stranger.stream.sendall(b"x" * MIB)
            stranger.stream.sendall(b"\r\n\r\n.\r\n")
            expect(stranger.reply() in (552, 554, 550, 500), "taken")
            measure = costs()
            equal(stranger.ask(b"NOOP\r\n"), [250])
        print(f"  {size // MIB} MiB; {measure.verdict()}")

    for command in (b"HELO client.example", b"EHLO client.example", b"MAIL FROM:<a@client.example>", b"MAIL FROM:<> SIZE=100 BODY=8BITMIME",
                    b"RCPT TO:<alice@here.example>", b"RCPT TO:<alice@here.example> NOTIFY=NEVER ORCPT=rfc822;a@b.example", b"DATA", b"BDAT 10 LAST",
                    b"RSET", b"NOOP x", b"VRFY alice", b"HELP", b"QUIT"):

        @case(f"NUL at each offset of {command.decode()}: refused, and nothing has happened", seconds=SECONDS)
        def _():
            with Stranger(mail) as stranger:
                stranger.reply()
                ready = [250, 250] if b"RCPT" in command else [250]
                equal(stranger.ask(MAIL if b"RCPT" in command else HELLO), ready)
                for offset in range(len(command) + 1):
                    code, = stranger.ask(command[:offset] + b"\0" + command[offset:] + b"\r\n")
                    expect(code in (500, 501), f"{code} with NUL at {offset}")
                expect(stranger.ask(b"DATA\r\n")[0] in (503, 554), "there is a recipient")
                equal(stranger.ask(b"NOOP\r\n"), [250])

    @case("a line end in xtext ends nothing: ORCPT and ENVID with every control character are refused", seconds=SECONDS)
    def _():
        with Stranger(mail) as stranger:
            stranger.reply()
            equal(stranger.ask(HELLO), [250])
            for byte in (*range(32), 127):
                equal(stranger.ask(b"MAIL FROM:<> ENVID=a+%02Xb\r\n" % byte), [501], f"ENVID with {byte}")
            equal(stranger.ask(b"MAIL FROM:<> ENVID=a+41b\r\n"), [250])
            for byte in (*range(32), 127):
                equal(stranger.ask(b"RCPT TO:<alice@here.example> ORCPT=rfc822;a+%02Xb@c.example\r\n" % byte), [501], f"ORCPT with {byte}")
            for bad in (b"+", b"+4", b"+0g", b"=41"):
                equal(stranger.ask(b"RCPT TO:<alice@here.example> ORCPT=rfc822;a" + bad + b"\r\n"), [501], repr(bad))
            equal(stranger.ask(b"RCPT TO:<alice@here.example> ORCPT=rfc822;a+2Bb@c.example\r\n"), [250])

    @case("words that a shell would run reach no environment and no command line", seconds=SECONDS)
    def _():
        before = len(mail.message_files("alice"))
        word = b"() { :; }; touch /tmp/postern-shellshock"
        quoted = b'"' + word + b'"@client.example'
        held = []
        with Stranger(mail) as stranger:
            stranger.reply()
            stranger.ask(b"EHLO " + word + b"\r\n")
            stranger.ask(HELLO)
            for each in (b"() { :;};x@client.example", b"`x`@client.example>;id", b"$(id)@[127.0.0.1"):
                expect(stranger.ask(b"MAIL FROM:<" + each + b">\r\n")[0] in (501, 553, 555), each)
            equal(stranger.ask(b"MAIL FROM:<" + quoted + b">\r\nRCPT TO:<alice@here.example>\r\nDATA\r\n"), [250, 250, 354])
            stranger.stream.sendall(b"Subject: " + word + b"\r\n\r\n.\r\n")
            equal(stranger.reply(), 250)
            mail.wait_for_messages("alice", before + 1)
            programs = set()
            for pid, name in mail.processes().items():  # local stays a second behind its delivery
                for file in ("environ", "cmdline"):
                    try:
                        text = pathlib.Path(f"/proc/{pid}/{file}").read_bytes()
                    except OSError:
                        continue
                    programs.add(name)
                    if b"() {" in text or b"postern-shellshock" in text:
                        held.append(f"{name} {file}")
        equal(held, [])
        expect({"smtpd", "local"} <= programs, programs)
        expect(not os.path.exists("/tmp/postern-shellshock"), "it was run")

finish()
