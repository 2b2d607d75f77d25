#!/usr/bin/env python3
"""remote: which host gets the mail when others fail, how connections are used again, and what the operator's settings do"""
import os
import pathlib
import socket
import subprocess
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import Parts  # noqa: E402
from remoting import FAILED, NO_NAME, Peer, Place, mx  # noqa: E402

counter = iter(range(2, 250))


def address():
    """of another host, not used before"""
    return f"127.0.7.{next(counter)}"


def answering(**answers):
    def script(session):
        session.greet()
        session.serve(answers)

    return script


def saying(line):
    def script(session):
        session.say(line)
        session.hear()

    return script


def hang_up(_session):
    pass


def hang_up_at(verb):
    def script(session):
        session.greet(features=())
        while not session.hear().startswith(verb):
            session.say("250 ok")

    return script


def refusing(session):
    session.say("220 hello")
    while True:
        session.hear()
        session.say("502 not here")


def hang_up_after_message(session):
    session.greet()
    session.serve({}, messages=1)


def with_login(session):
    session.greet(features=["AUTH PLAIN LOGIN"])
    session.serve({"AUTH": "235 welcome"})


def hang_up_after_dot(session):
    session.greet(features=())
    while not session.hear().startswith("DATA"):
        session.say("250 ok")
    session.say("354 go on")
    session.hear_message()


def outcome(destination, *recipients):
    """(letter, text, blame) of one message to one recipient"""
    identity = place.message(*recipients)
    return place.sender.deliver(identity, destination)[0]


def two_hosts(script):
    """A domain with a host that behaves like this and one that takes everything; gives domain, first, second."""
    first, second = (Peer(address(), place.port, how) for how in (script, answering()))
    return place.domain(*(peer.listener.getsockname()[0] for peer in (first, second))), first, second


with Parts() as parts:
    place = Place(parts, timeoutconnect="1", timeoutremote="3")

    @case("a message for two recipients is one transaction, and each is reported")
    def _():
        peer = Peer(address(), place.port, answering())
        domain = place.domain(peer.listener.getsockname()[0])
        identity = place.message(f"a@{domain}", "other@else.example", f"b@{domain}")
        place.sender.send(identity, domain, [0, 2])
        found = place.sender.outcomes(2)
        equal(sorted(found), [0, 2])
        for letter, text, _ in found.values():
            equal(letter, "Y")
            contains(text, f"mx0.{domain}[")
        (session,) = peer.sessions
        equal(session.lines[:5], ["EHLO mini.example", "MAIL FROM:<me@x.example>", f"RCPT TO:<a@{domain}>", f"RCPT TO:<b@{domain}>", "DATA"])
        expect(session.messages[0].endswith(b"Subject: x\r\n\r\nhello\r\n"), session.messages)

    @case("several messages go over one connection, then QUIT; a second destination has its own")
    def _():
        gone = threading.Event()

        def script(session):
            answering()(session)
            gone.set()

        peer = Peer(address(), place.port, script)
        host = peer.listener.getsockname()[0]
        domain, other = place.domain(host), place.domain(host)
        for _ in range(5):
            equal(outcome(domain)[0], "Y")
        equal(len(peer.sessions), 1, "connections")
        equal(outcome(other)[0], "Y")
        equal(len(peer.sessions), 2, "connections")
        expect(gone.wait(20), "no QUIT")
        equal(peer.sessions[0].lines[-1], "QUIT")
        equal(len(peer.messages()), 6)

    @case("what runs at once to one destination has connections of its own")
    def _():
        both = threading.Barrier(2)
        peer = Peer(address(), place.port, answering(DOT=lambda _: both.wait(20) is None or "250 ok"))
        domain = place.domain(peer.listener.getsockname()[0])
        for _ in range(2):
            place.sender.send(place.message(), domain, [0])
        equal([place.sender.outcome()[2] for _ in range(2)], ["Y", "Y"])
        equal(len(peer.sessions), 2)

    for name, script in {
            "hangs up": hang_up, "greets with 421": saying("421 busy"), "greets with 554": saying("554 go away"),
            "greets with 521": saying("521 no mail"), "refuses EHLO and HELO": refusing,
            "ends at MAIL": hang_up_at("MAIL"), "ends at RCPT": hang_up_at("RCPT"), "ends at DATA": hang_up_at("DATA"),
            "says 421 to MAIL": answering(MAIL="421 busy"), "speaks no SMTP": saying("HTTP/1.1 400 Bad Request")}.items():
        @case(f"the next host is tried when one {name}")
        def _():
            domain, first, second = two_hosts(script)
            letter, text, _ = outcome(domain)
            equal((letter, len(first.sessions), len(second.messages())), ("Y", 1, 1), text)

    @case("the next host is tried when one cannot be reached, and when it does not answer at all")
    def _():
        second = Peer(address(), place.port)
        host = second.listener.getsockname()[0]
        equal(outcome(place.domain(address(), host))[0], "Y")
        full = socket.socket()
        full.bind((address(), place.port))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:  # fills the backlog: the kernel drops what comes then
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        equal(outcome(place.domain(full.getsockname()[0], host))[0], "Y")
        equal(len(second.messages()), 2)

    @case("an IPv6 address that cannot be reached costs one try: the IPv4 one of the same host is next")
    def _():
        peer = Peer(address(), place.port)
        domain = place.domain(peer.listener.getsockname()[0])
        place.dns.table["aaaa", f"mx0.{domain}"] = (b"F", [b"A100::%d" % at for at in range(1, 9)])
        equal(outcome(domain)[0], "Y")

    @case("once the end of a message was sent, no second host gets it")
    def _():
        domain, first, second = two_hosts(hang_up_after_dot)
        letter, _, blame = outcome(domain)
        equal((letter, blame, len(first.messages()), len(second.sessions)), ("Z", "d", 1, 0))

    @case("a recipient that is refused is no reason to ask another host")
    def _():
        domain, first, second = two_hosts(answering(RCPT="550 5.1.1 unknown"))
        letter, text, _ = outcome(domain)
        equal((letter, len(second.sessions)), ("D", 0))
        contains(text, "5.1.1 mx0.")
        contains(text, "said: 550 5.1.1 unknown")

    @case("when all hosts fail the destination is to blame, and the best words of the best host are said")
    def _():
        first = Peer(address(), place.port, saying("554 5.7.1 not you"))
        domain = place.domain(address(), first.listener.getsockname()[0], address())
        letter, text, blame = outcome(domain)
        equal((letter, blame), ("Z", "d"))
        expect(text.startswith(f"4.7.1 mx1.{domain}[") and text.endswith("said: 554 5.7.1 not you"), text)
        letter, text, blame = outcome(place.domain(address()))
        equal((letter, blame), ("Z", "d"))
        expect(text.startswith("4.4.1 mx0.") and text.endswith("Connection refused"), text)

    @case("521 from every host is for good, from some it is not")
    def _():
        peer = Peer(address(), place.port, saying("521 no mail here"))
        host = peer.listener.getsockname()[0]
        letter, text, _ = outcome(place.domain(host, host))
        equal((letter, text[:2]), ("D", "5."))
        letter, text, _ = outcome(place.domain(host, address()))
        equal((letter, text[:2]), ("Z", "4."))

    @case("what DNS says is told: no domain, null MX, no answer")
    def _():
        place.dns.table["mx", "gone.example"] = NO_NAME
        place.dns.table["mx", "null.example"] = mx((0, "."))
        place.dns.table["mx", "lost.example"] = FAILED
        equal(outcome("gone.example")[:2], ("D", "5.1.2 gone.example: there is no such domain"))
        equal(outcome("null.example")[:2], ("D", "5.1.10 null.example: the domain takes no mail"))
        equal(outcome("lost.example"), ("Z", "4.4.3 lost.example: DNS gives no answer: the test says so", "d"))
        place.dns.table["mx", "here.example"] = mx((10, "mini.example"))
        equal(outcome("here.example")[0:2], ("D", "5.4.6 here.example: this host is its best MX, but does not take its mail"))

    @case("a connection that the other side ended meanwhile is opened anew, whatever it said")
    def _():
        for last_words in ("", "421 4.4.2 idle too long\r\n", "what else\r\n"):
            ended = threading.Event()

            def script(session):
                session.greet()
                session.serve({}, messages=1)
                if last_words:
                    session.stream.sendall(last_words.encode())
                session.stream.shutdown(socket.SHUT_RDWR)
                ended.set()

            peer = Peer(address(), place.port, script)
            domain = place.domain(peer.listener.getsockname()[0])
            for count in (1, 2, 3):
                equal(outcome(domain)[0], "Y", last_words)
                expect(ended.wait(20), "it did not end")
                ended.clear()
                equal(len(peer.sessions), count)

    @case("a dnsqd that went away is found again by the next remote")
    def _():
        peer = Peer(address(), place.port, hang_up_after_message)
        domain = place.domain(peer.listener.getsockname()[0])
        equal(outcome(domain)[0], "Y")
        place.dns.drop()
        letter, text, blame = outcome(domain)
        equal((letter, blame), ("Z", "m"))
        contains(text, "4.3.0 ")
        equal(outcome(domain)[0], "Y")

    @case("a literal and a relay by address need no DNS; a relay has its own port, and may be this host")
    def _():
        peer = Peer("127.0.0.1")
        asked = len(place.dns.asked)
        equal(outcome(f"[127.0.0.1]:{peer.port}")[0], "Y")
        other = Peer(address(), place.port)
        equal(outcome(f"[{other.listener.getsockname()[0]}]")[0], "Y")
        equal(len(place.dns.asked), asked)
        equal(outcome("[127.0.0.1]")[0], "D")
        peer6 = Peer("::1")
        equal(outcome(f"[ipv6:::1]:{peer6.port}")[0], "Y")

    @case("outgoingip, helohost: where it comes from, and what it calls itself")
    def _():
        parts.control("outgoingip", "127.0.8.8\n")
        parts.control("helohost", "Postern.Example\n")
        peer = Peer(address(), place.port)
        domain = place.domain(peer.listener.getsockname()[0])
        equal(outcome(domain)[0], "Y")
        equal((peer.sessions[0].client[0], peer.sessions[0].lines[0]), ("127.0.8.8", "EHLO postern.example"))
        os.unlink("control/outgoingip")
        parts.control("helohost", "[192.0.2.1]\n")
        equal(outcome(place.domain(peer.listener.getsockname()[0]))[0], "Y")
        equal(peer.sessions[1].lines[0], "EHLO [192.0.2.1]")

    @case("a setting that is wrong stops deliveries, and the log names it")
    def _():
        for name, text in {"helohost": "a b", "outgoingip": "localhost", "timeoutconnect": "0", "smtpport": "smtp"}.items():
            was = open(f"control/{name}").read() if os.path.exists(f"control/{name}") else None
            parts.control(name, text + "\n")
            letter, _, blame = outcome(place.domain(address()))
            equal((letter, blame), ("Z", "m"), name)
            place.spawner.wait_log(f"^remote: .*control/{name}")
            os.unlink(f"control/{name}")
            if was:
                parts.control(name, was)
        os.unlink("control/helohost")

    @case("a smart host's password is used while only its group may read it")
    def _():
        peer = Peer("127.0.0.3", 0, with_login)
        destination = f"[127.0.0.3]:{peer.port} alice"
        parts.control("smtproutes", f":[127.0.0.3]:{peer.port} alice open sesame\n")
        letter, text, _ = outcome(destination)
        equal((letter, text[:5], peer.sessions), ("Z", "4.3.5", []))
        subprocess.run(["chgrp", "pn-routes", "control/smtproutes"], check=True)
        os.chmod("control/smtproutes", 0o640)
        for pid in place.remotes():  # those that have read the file as it was
            os.kill(pid, 9)
        place.spawner.wait_log("signal=9")
        letter, text, _ = outcome(destination)
        equal(letter, "Y", text)
        contains(peer.sessions[0].lines[1], "AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l")

    @case("by hand: a queue file on descriptor 0, outcomes on 1, and the exit code says the rest")
    def _():
        peer = Peer(address(), place.port, answering(RCPT=lambda line: "550 no" if "never" in line else "451 later" if "later" in line else None))
        destination = place.domain(peer.listener.getsockname()[0])
        identity = place.message("good@x.example", "never@x.example", "later@x.example").decode()

        def run(*words):
            with open(parts.queued()[identity], "rb") as file:
                done = subprocess.run([parts.program("remote/remote"), destination, *words], stdin=file, capture_output=True, text=True, check=False,
                                      timeout=60, env={})
            return done.returncode, [line.split(" ")[:2] for line in done.stdout.splitlines()]

        equal(run("0"), (0, [["Y", "0"]]))
        equal(run("0", "1"), (100, [["D", "1"], ["Y", "0"]]))
        code, lines = run()
        equal((code, sorted(lines)), (111, [["D", "1"], ["Y", "0"], ["Z", "2"]]))
        equal(run("3")[0], 100)

finish()
