#!/usr/bin/env python3
"""words_check - who may say what: a process with the uid and groups of each client of the queue says each field of an envelope to a complete instance

One case a field and a peer, named after both: what its row of queue/injection_rights.cc allows is taken and arrives; everything else is
refused for good and leaves nothing. So a smtpd that was taken over makes no open relay, forges no login and no other host's
Authentication-Results, and ends no header early.
"""
import grp
import json
import os
import pathlib
import pwd
import socket
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, fail, finish  # noqa: E402  pylint: disable=wrong-import-position
from parts import envelope, inject, netstring  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance  # noqa: E402  pylint: disable=wrong-import-position

ME = "here.example"
ALICE = "alice@here.example"
PEERS = {"pn-smtp": b"i", "pn-submit": b"s", "pn-bounce": b"b", "nobody": b"l"}
NETWORK = {"pn-smtp", "pn-submit"}
EVERYBODY = set(PEERS)


def header(text):
    return b"h" + netstring(text)


# Behind origin and sender: (records, who may say them).
FIELDS = {
    "nothing more": (b"", EVERYBODY),
    "ENVID": (b"e" + netstring(b"x"), EVERYBODY),
    "RET": (b"t" + netstring(b"h"), EVERYBODY),
    "the eight-bit mark": (b"f" + netstring(b"8"), EVERYBODY),
    "the UTF-8 mark": (b"f" + netstring(b"u"), EVERYBODY),
    "the junk mark": (b"f" + netstring(b"j"), {"pn-smtp"}),
    "the junk mark among others": (b"f" + netstring(b"8j"), {"pn-smtp"}),
    "a login": (b"a" + netstring(b"alice"), {"pn-submit"}),
    "a login with a line end": (b"a" + netstring(b"alice\nx"), set()),
    "a client address": (b"c" + netstring(b"192.0.2.1"), NETWORK),
    "a client address with a line end": (b"c" + netstring(b"192.0.2.1\nX-Forged: 1"), set()),
    "a HELO name": (b"g" + netstring(b"client.example"), NETWORK),
    "a HELO name with a line end": (b"g" + netstring(b"client.example\nX-Forged: 1"), set()),
    "a HELO name with CR": (b"g" + netstring(b"client.example\rX-Forged: 1"), set()),
    "a protocol": (b"p" + netstring(b"ESMTP"), NETWORK),
    "a protocol with a line end": (b"p" + netstring(b"ESMTP\nX-Forged: 1"), set()),
    "an injecting uid": (b"u" + netstring(b"1"), set()),
    "an ENVID with a line end": (b"e" + netstring(b"x\nX-Forged: 1"), set()),
    "an ENVID with NUL": (b"e" + netstring(b"x\0"), set()),
    "an unknown record": (b"z" + netstring(b"x"), set()),
    "a second sender": (b"s" + netstring(b"eve@far.example"), set()),
    "a second origin": (b"o" + netstring(b"s"), set()),
    "a header line": (header(b"X-Test: 1\n"), NETWORK),
    "a header line with a fold": (header(b"X-Test: 1\n 2\n"), NETWORK),
    "header lines of 15 KiB": (header(b"X-Test: " + b"x" * (15360 - 9) + b"\n"), NETWORK),
    "header lines that leave no room for Received": (header(b"X-Test: " + b"x" * (16384 - 9) + b"\n"), set()),
    "header lines of a byte more": (header(b"X-Test: " + b"x" * (16384 - 8) + b"\n"), set()),
    "a header line with an empty line behind": (header(b"X-Test: 1\n\n"), set()),
    "an empty line between header lines": (header(b"X-Test: 1\n\nX-Forged: 2\n"), set()),
    "an empty line alone": (header(b"\n"), set()),
    "a header line of blanks": (header(b"X-Test: 1\n \t\nX-Forged: 2\n"), set()),
    "a header line with CR LF": (header(b"X-Test: 1\r\n"), set()),
    "a header line with CR inside": (header(b"X-Test: 1\rX-Forged: 2\n"), set()),
    "a header line of CR": (header(b"X-Test: 1\n\r\nX-Forged: 2\n"), set()),
    "a header line with NUL": (header(b"X-Test: 1\0\n"), set()),
    "a header line without its end": (header(b"X-Test: 1"), set()),
    "a fold of nothing": (header(b" X-Forged: 1\n"), set()),
    "a line that is no field": (header(b"X-Test\n"), set()),
    "a second record of header lines": (header(b"X-Test: 1\n") + header(b"X-Forged: 2\n"), set()),
    "our Authentication-Results": (header(b"Authentication-Results: here.example; none\n"), NETWORK),
    "another host's Authentication-Results": (header(b"Authentication-Results: there.example; spf=pass\n"), set()),
    "another host's Authentication-Results, in capitals": (header(b"AUTHENTICATION-RESULTS: there.example; spf=pass\n"), set()),
    "another host's Authentication-Results behind ours": (
        header(b"Authentication-Results: here.example; none\nAuthentication-Results: there.example; spf=pass\n"), set()),
    "another host's Authentication-Results on a fold": (header(b"Authentication-Results:\n there.example; spf=pass\n"), set()),
    "another host's Authentication-Results behind a comment": (header(b"Authentication-Results: (here.example;) there.example; spf=pass\n"), set()),
    "Authentication-Results of a host whose name begins with ours": (header(b"Authentication-Results: here.example.far.example; none\n"), set()),
    "Authentication-Results with a blank before the colon": (header(b"Authentication-Results : there.example; spf=pass\n"), set()),
    "Received": (header(b"Received: from far.example by here.example\n"), set()),
    "Received with a blank before the colon": (header(b"Received : from far.example\n"), set()),
    "Received behind another line": (header(b"X-Test: 1\nrECEIVED: from far.example\n"), set()),
    "Return-Path": (header(b"Return-Path: <>\n"), set()),
    "Delivered-To": (header(b"Delivered-To: alice@here.example\n"), set()),
    "Bcc": (header(b"Bcc: bob@here.example\n"), set()),
}
# Behind the recipient.
PARAMETERS = {
    "NOTIFY": (b"n" + netstring(b"1"), EVERYBODY),
    "ORCPT": (b"q" + netstring(b"rfc822;x@far.example"), EVERYBODY),
    "an ORCPT with a line end": (b"q" + netstring(b"rfc822;x\nX-Forged: 1"), set()),
    "an ORCPT with CR": (b"q" + netstring(b"rfc822;x\rX-Forged: 1"), set()),
}


LOGIN = b"a" + netstring(b"alice")


def sender_of(peer):
    return "" if peer == "pn-bounce" else ALICE


def login_of(peer):
    """pn-submit injects for those who are logged in, and for nobody else."""
    return LOGIN if peer == "pn-submit" else b""


def attempts_of(peer):
    """(name, envelope, is it allowed) of everything that is tried as this peer"""
    origin, login = PEERS[peer], login_of(peer)
    for field, (records, who) in FIELDS.items():
        needs_login = not records.startswith(LOGIN[:1])
        yield field, envelope(sender_of(peer), [ALICE], origin, (login if needs_login else b"") + records), peer in who
    for field, (records, who) in PARAMETERS.items():
        yield field, envelope(sender_of(peer), [ALICE], origin, login) + records, peer in who
    for other, letter in PEERS.items():
        if other != peer:
            yield f"the origin of {other}", envelope(sender_of(peer), [ALICE], letter, login), False
    if peer == "pn-submit":
        yield "no login", envelope(ALICE, [ALICE], origin), False
    yield "a sender", envelope("eve@far.example", [ALICE], origin, login), peer != "pn-bounce"
    yield "the null sender", envelope("", [ALICE], origin, login), True
    yield "a sender with a line end", envelope("eve\nX-Forged: 1@far.example", [ALICE], origin, login), False
    yield "a recipient with a line end", envelope(sender_of(peer), ["alice@here.example\nX-Forged: 1"], origin, login), False
    yield "a source route", envelope(sender_of(peer), ["@here.example:eve@far.example"], origin, login), False


def message_of(peer, field):
    return f"Subject: {peer} says {field}\n\nwords\n".encode()


def as_peer(peer, function):
    """What `function` returns in a process that has taken the uid, group and supplementary groups of a service over."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        account = pwd.getpwnam(peer)
        os.setgroups([group.gr_gid for group in grp.getgrall() if peer in group.gr_mem])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        try:
            answer = ["", function()]
        except Exception as error:  # pylint: disable=broad-except
            answer = [f"{type(error).__name__}: {error}", None]
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        error, value = json.load(pipe)
    os.waitpid(pid, 0)
    if error:
        fail(error)
    return value


def say(mail, peer, requests):
    """queue-inject's answers to (message, envelope) requests of one peer, over one connection"""
    service = "queue-anyone" if peer == "nobody" else "queue-trusted"

    def talk():
        answers = []
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(20)
            stream.connect(str(mail.dir / "run" / service / "s"))
            for message, text in requests:
                letter, words = inject(stream, message, text)
                answers.append([letter.decode(), words.decode()])
        return answers

    return as_peer(peer, talk)


def delivered_headers(mail):
    """Of everything in alice's Maildir, its junk folder too."""
    files = [path for folder in (".", ".Junk") for path in (mail.maildir("alice") / folder / "new").glob("*")]
    return [path.read_text("latin-1").split("\n\n")[0].split("\n") for path in files]


with Instance(users=("alice",), domains=(ME,), settings={"rcpthosts": "backup.example", "concurrencyremote": "0"}) as mail:
    told = {}
    for peer in PEERS:
        attempts = list(attempts_of(peer))
        answers = say(mail, peer, [(message_of(peer, field), text) for field, text, _ in attempts])
        told.update({(peer, field): (is_allowed, *answer) for (field, _, is_allowed), answer in zip(attempts, answers)})
    mail.wait_for_empty_queue()
    headers = delivered_headers(mail)
    arrived = [line for lines in headers for line in lines if line.startswith("Subject: ")]

    for (peer, field), (is_allowed, letter, words) in told.items():

        @case(f"{peer} says {field}: {'taken' if is_allowed else 'refused'}")
        def _():
            equal(letter, "Y" if is_allowed else "P", words)
            expect(is_allowed or words.startswith(("5.3.4 ", "5.5.4 ", "5.7.0 ")), words)
            equal(arrived.count(f"Subject: {peer} says {field}"), int(is_allowed), "copies in the Maildir")

    @case("no line of the attempts that were refused is in any delivered header")
    def _():
        equal([line for lines in headers for line in lines if line.startswith("X-Forged")], [])
        equal(len(headers), sum(is_allowed for is_allowed, _, _ in told.values()))

    @case("nothing of it is in the queue or in queue/broken")
    def _():
        equal((mail.queued(), os.listdir(mail.dir / "queue/broken")), ([], []))

    def start(peer, recipient):
        """The ID of a message of this peer for one recipient"""
        (letter, words), = say(mail, peer, [(message_of(peer, recipient), envelope(ALICE, [recipient], PEERS[peer], login_of(peer)))])
        equal(letter, "Y", words)
        return words

    for recipient in ("victim@far.example", "victim@here.example.far.example", '"x@here.example"@far.example', "victim@[192.0.2.7]"):

        @case(f"an open relay: pn-smtp and {recipient}: failed with 5.7.1 and bounced, never left waiting for another host")
        def _():
            before = len(mail.messages("alice"))
            name = start("pn-smtp", recipient)
            line = mail.wait_for_log("queue-send", rf"id={name} .*outcome=(\w+) text=(\S+)")
            equal(line.groups(), ("failed", line[2]))
            expect(line[2].startswith("5.7.1"), line[0])
            report = mail.wait_for_messages("alice", before + 1)[-1]
            contains(report, b"Status: 5.7.1")
            contains(report, b"Return-Path: <>\n")
            mail.wait_for_empty_queue()

    @case("an open relay: pn-smtp and victim%far.example@here.example: no way round, there is no such mailbox")
    def _():
        before = len(mail.messages("alice"))
        start("pn-smtp", "victim%far.example@here.example")
        contains(mail.wait_for_messages("alice", before + 1)[-1], b"Status: 5.1.1")
        mail.wait_for_empty_queue()

    for peer, recipient in (("pn-smtp", "x@backup.example"), ("pn-submit", "x@far.example"), ("nobody", "x@far.example")):

        @case(f"{peer} and {recipient}: stays in the queue for the other host")
        def _():
            name = start(peer, recipient)
            mail.run("queue", "flush", name)
            mail.wait_for_log("queue-send", f"event=order verb=flush id={name} uid=0 outcome=done")
            expect("outcome=failed" not in "".join(line for line in mail.log("queue-send").splitlines() if name in line), "it was refused")
            contains(mail.queued(), name)


print(f"{len(told)} fields said by {len(PEERS)} peers")
finish()
