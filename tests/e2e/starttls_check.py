#!/usr/bin/env python3
"""starttls_check - STARTTLS and TLS at once in a whole instance: what is offered when, and every way in which the hand-over can go wrong

On each port: nothing that was said before the handshake counts behind it, nothing that came in the clear is executed inside,
and a connection that is cut has delivered nothing. `long` waits for the end of handshakes that never begin.
"""
import pathlib
import select
import socket
import ssl
import subprocess
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish, skip
from postern import Instance, wait_for_exit
from tls_peer import Peer, trust

MESSAGE = "From: alice@here.example\r\nSubject: {}\r\n\r\nhello\r\n"
INJECTED = b"EHLO evil.example\r\nMAIL FROM:<eve@far.example>\r\nRCPT TO:<bob@here.example>\r\nDATA\r\nSubject: injected\r\n\r\nx\r\n.\r\n"


def client_hello():
    """The first flight of a sound client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a peer")


with Instance(users=("alice", "bob")) as mail:
    tlsd = mail.service("tlsd").pid()

    def connections():
        """Processes of smtpd and tlsd that serve somebody now."""
        return {pid for pid, name in mail.processes().items() if name in ("smtpd", "tlsd") and pid != tlsd}

    def gone(before):
        for pid in connections() - before:
            wait_for_exit(pid)

    @case("port 25 offers STARTTLS and no AUTH; after it neither, and what it knew is forgotten")
    def _():
        with Peer(mail, "smtpd") as peer:
            features = peer.features()
            contains(features, "STARTTLS")
            expect(not any(line.startswith("AUTH") for line in features), str(features))
            equal(peer.code("MAIL FROM:<a@client.example>"), 250)
            equal(peer.code("RCPT TO:<alice@here.example>"), 250)
            peer.starttls()
            equal(peer.code("RCPT TO:<bob@here.example>"), 503, "the transaction of before")
            equal(peer.code("DATA"), 503)
            features = peer.features()
            expect("STARTTLS" not in features, str(features))
            equal(peer.code("AUTH PLAIN AGEAYg=="), 502)
            equal(peer.code("STARTTLS"), 503)
            equal(peer.deliver("a@client.example", ["alice@here.example"], MESSAGE.format("over TLS"))[0], 250)
        message, = mail.wait_for_messages("alice", 1)
        contains(message, b"with ESMTPS (TLSv1.3 ")
        contains(message, b"from client.example ([127.0.0.1])")

    @case("submission offers AUTH inside TLS only, and takes neither a password nor mail before it")
    def _():
        with Peer(mail, "submission") as peer:
            features = peer.features()
            contains(features, "STARTTLS")
            expect(not any(line.startswith("AUTH") for line in features), str(features))
            equal(peer.log_in("alice", "secret"), 538)
            equal(peer.code("MAIL FROM:<alice@here.example>"), 530)
            peer.starttls()
            features = peer.features()
            expect("STARTTLS" not in features, str(features))
            expect(any(line.startswith("AUTH ") and "SCRAM-SHA-256-PLUS" in line for line in features), str(features))
            equal(peer.code("MAIL FROM:<alice@here.example>"), 530)
            equal(peer.log_in("alice", "secret"), 235)
            equal(peer.log_in("alice", "secret"), 503, "a second login")

    @case("submissions is TLS from the first byte; it knows no STARTTLS")
    def _():
        with Peer(mail, "submissions") as peer:
            expect("STARTTLS" not in peer.features(), "STARTTLS is offered")
            equal(peer.code("STARTTLS"), 503)
            equal(peer.log_in("alice", "secret"), 235)
        with socket.create_connection(("127.0.0.1", mail.ports["submissions"]), 30) as plain:
            plain.sendall(b"EHLO client.example\r\n" + INJECTED)
            try:
                heard = plain.recv(4096)
            except ConnectionResetError:
                heard = b""
            expect(b"250" not in heard and b"220" not in heard, repr(heard))

    for service in ("smtpd", "submission"):

        @case(f"{service}: bytes behind STARTTLS, in the same packet: 554, and nothing of them is heard again")
        def _():
            before = connections()
            for behind in (b"NOOP\r\n", INJECTED, b"x", b"\r\n", client_hello()):
                with Peer(mail, service) as peer:
                    peer.features()
                    peer.take(b"STARTTLS\r\n" + behind)
                    equal(peer.reply()[0], 554, repr(behind))
                    expect(peer.is_closed(), "it goes on")
            gone(before)

        @case(f"{service}: SMTP instead of a handshake: the connection ends, and no word is answered")
        def _():
            with Peer(mail, service) as peer:
                peer.features()
                equal(peer.code("STARTTLS"), 220)
                peer.take(INJECTED)
                heard = b""
                try:
                    while piece := peer.socket.recv(4096):
                        heard += piece
                except ConnectionResetError:
                    pass
                expect(b"250" not in heard and b"354" not in heard, repr(heard))

        @case(f"{service}: STARTTLS with an argument")
        def _():
            with Peer(mail, service) as peer:
                peer.features()
                equal(peer.code("STARTTLS now"), 501)
                peer.starttls()
                equal(peer.code("NOOP"), 250)

    for service in ("smtpd", "submission", "submissions"):

        @case(f"{service}: a handshake that ends anywhere, and half ones: nobody is left behind")
        def _():
            before, hello = connections(), client_hello()
            for piece in (hello[:1], hello[:5], hello[:60], hello[:-1], hello, hello[:40] + bytes(len(hello) - 40)):
                with socket.create_connection(("127.0.0.1", mail.ports[service]), 30) as raw:
                    if service != "submissions":
                        stream = raw.makefile("rb")
                        stream.readline()
                        raw.sendall(b"STARTTLS\r\n")
                        contains(stream.readline(), b"220")
                    raw.sendall(piece)
            gone(before)
            with Peer(mail, service) as peer:
                equal(peer.code("NOOP"), 250)

        @case(f"{service}: a connection cut in a message, with and without close_notify, delivers nothing of it")
        def _():
            before = connections()
            for end in ("cut", "close_notify"):
                with Peer(mail, service) as peer:
                    if service == "smtpd":
                        peer.features()
                        peer.starttls()
                        peer.features()
                    else:
                        equal(peer.enter("alice", "secret"), 235)
                    for command, code in (("MAIL FROM:<alice@here.example>", 250), ("RCPT TO:<bob@here.example>", 250), ("DATA", 354)):
                        equal(peer.code(command), code)
                    peer.take(MESSAGE.format("cut") + "the rest is missing\r\n")
                    if end == "close_notify":
                        peer.socket.settimeout(10)
                        try:
                            peer.socket.unwrap()
                        except (OSError, ValueError):
                            pass
            gone(before)
            equal(mail.queued(), [])

        @case(f"{service}: QUIT ends TLS with a close_notify")
        def _():
            with Peer(mail, service) as peer:
                if service != "submissions":
                    peer.starttls()
                equal(peer.code("QUIT"), 221)
                equal(peer.socket.recv(10), b"")  # without close_notify this raises

    @case("a client that says nothing where the handshake should begin is gone after 60 s, on each port, and nothing is left of it", seconds=200)
    def _():
        if "long" not in sys.argv[1:]:
            skip("takes 60 s: starttls_check.py long")
        before, waiting = connections(), {}
        for service in ("smtpd", "submission", "submissions"):
            raw = socket.create_connection(("127.0.0.1", mail.ports[service]), 30)
            if service != "submissions":
                for line in (None, b"EHLO client.example\r\n", b"STARTTLS\r\n"):
                    raw.sendall(line or b"")
                    while not raw.recv(4096).splitlines()[-1].startswith((b"220 ", b"250 ")):
                        pass
            waiting[raw] = service, time.monotonic()
        while waiting:
            ready, _, _ = select.select(list(waiting), [], [], 90)
            expect(ready, f"{list(waiting.values())} wait longer than 90 s")
            for raw in ready:
                service, began = waiting.pop(raw)
                equal(raw.recv(100), b"", service)
                took = time.monotonic() - began
                print(f"  {service}: {took:.1f} s", flush=True)
                expect(59 <= took < 75, f"{service}: {took:.1f} s")
                raw.close()
        gone(before)
        mail.wait_for_log("tlsd", r"(?s)(.*handshake\\x20takes\\x20too\\x20long){3}")

    @case("TLS 1.1 is refused, and the log says why")
    def _():
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{mail.ports['submissions']}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                              input=b"", capture_output=True, check=False, timeout=60)
        contains(done.stderr, b"protocol version")
        expect(mail.wait_for_log("tlsd", r"protocol"), "")

    @case("a client that refuses the certificate says so, and the log has it")
    def _():
        context = ssl.create_default_context()  # it does not know the authority
        try:
            Peer(mail, "submissions", context=context).close()
            raise AssertionError("it took the certificate")
        except ssl.SSLCertVerificationError:
            pass
        mail.wait_for_log("tlsd", r"unknown\\x20ca")

    @case("TLS 1.2: mail arrives, and Received says how")
    def _():
        with Peer(mail, "submissions", context=trust(mail, maximum_version=ssl.TLSVersion.TLSv1_2)) as peer:
            equal(peer.enter("alice", "secret"), 235)
            equal(peer.deliver("alice@here.example", ["bob@here.example"], MESSAGE.format("by TLS 1.2"))[0], 250)
        message, = mail.wait_for_messages("bob", 1)
        contains(message, b"with ESMTPSA (TLSv1.2 ")
        contains(message, b"Subject: by TLS 1.2")

    @case("nothing else arrived")
    def _():
        mail.wait_for_empty_queue()
        equal((len(mail.messages("alice")), len(mail.messages("bob"))), (1, 1))
        for user in ("alice", "bob"):
            for message in mail.messages(user):
                expect(b"injected" not in message, "an injected message")

finish()
