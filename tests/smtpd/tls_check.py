#!/usr/bin/env python3
"""smtpd with the real tlsd, tlskeyd, authd, countd and queue-inject: STARTTLS on 25, submission on 587 and 465"""
import os
import pathlib
import pwd
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "auth")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts  # noqa: E402

if os.geteuid() != 0:
    @case("smtpd over TLS")
    def _():
        skip("NOT SHOWN: services run as their own users, which takes root")
    finish()

from auth_place import start_authd  # noqa: E402
from tls_place import TlsPlace, reset, tcp_pair  # noqa: E402

USERS = {"smtp": "pn-smtp", "submission": "pn-submit", "submissions": "pn-submit"}
TEXT = "From: alice@mini.example\r\nTo: x@far.example\r\nSubject: by TLS\r\n\r\nhello\r\n"


class Smtpd:
    """One smtpd with a TCP connection; `client` is the other end of it."""

    def __init__(self, service):
        self.client, network = tcp_pair()
        self.log_file = tempfile.TemporaryFile()
        who = pwd.getpwnam(USERS[service])
        words = [parts.program("smtpd/smtpd"), *([] if service == "smtp" else [service])]
        environment = {"PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": str(self.client.getsockname()[1]), "TCPLOCALIP": "127.0.0.1"}
        self.process = subprocess.Popen(words, stdin=network, stdout=network, stderr=self.log_file, env=environment, cwd=parts.path,
                                        user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        network.close()

    def end(self):
        """Its log, once it has ended well."""
        self.client.close()
        equal(self.process.wait(60), 0)
        self.log_file.seek(0)
        return self.log_file.read().decode()


class OnSocket(smtplib.SMTP):
    """smtplib on a connection that is there already."""

    def __init__(self, stream):
        self.given = stream
        super().__init__(parts.me, 25, local_hostname="client.example", timeout=20)

    def _get_socket(self, *_):
        return self.given


def client_of(smtpd, service, password=None):
    if service == "submissions":
        smtpd.client = place.context().wrap_socket(smtpd.client, server_hostname=parts.me)
    client = OnSocket(smtpd.client)
    client.ehlo()
    if service != "submissions":
        client.starttls(context=place.context())
        smtpd.client = client.sock
        client.ehlo()
    if password:
        client.login("alice", password)
    return client


def queued():
    """The messages in the queue, as they lie there; then it is empty."""
    found = sorted(pathlib.Path("queue/todo").glob("*/*"))
    texts = [path.read_bytes() for path in found]
    for path in found:
        path.unlink()
    return texts


with Parts(me="mini.example") as parts:
    place = TlsPlace(parts)
    parts.user("alice")
    place.start_server()
    parts.serve("queue-trusted", ["queue/queue-inject", "trusted"], user="pn-queue")
    start_authd(parts, {"alice": "right one"})
    parts.serve("countd", ["auth/countd"], user="pn-count")
    parts.program("smtpd/smtpd")

    @case("port 25: STARTTLS, and Received says so")
    def _():
        smtpd = Smtpd("smtp")
        with client_of(smtpd, "smtp") as client:
            expect("starttls" not in client.esmtp_features and "auth" not in client.esmtp_features, client.esmtp_features)
            client.sendmail("x@far.example", ["alice@mini.example"], TEXT)
        contains(smtpd.end(), "event=tls client=127.0.0.1 protocol=TLSv1.3 cipher=TLS_")
        text, = queued()
        expect(re.search(rb"Received: from client.example \(\[127.0.0.1\]\)\n  by mini.example \(Postern\) with ESMTPS \(TLSv1.3 TLS_\w+\)\n", text), text)

    for service in ("submission", "submissions"):

        @case(f"{service}: a login, and a message for another host, without an address in Received")
        def _(service=service):
            smtpd = Smtpd(service)
            with client_of(smtpd, service, "right one") as client:
                expect("starttls" not in client.esmtp_features, client.esmtp_features)
                client.sendmail("alice@mini.example", ["x@far.example"], TEXT)
            contains(smtpd.end(), "login=alice")
            text, = queued()
            expect(re.search(rb"Received: by mini.example \(Postern\) with ESMTPSA \(TLSv1.3 TLS_\w+\)\n", text), text)
            expect(b"127.0.0.1" not in text and b"client.example" not in text, text)
            expect(b"o1:s," in text and b"a5:alice," in text and b"\nDate: " in text and b"\nMessage-ID: <" in text, text)

        @case(f"{service}: a wrong password, and somebody else's address")
        def _(service=service):
            smtpd = Smtpd(service)
            with client_of(smtpd, service) as client:
                try:
                    client.login("alice", "wrong one")
                    expect(False, "it was taken")
                except smtplib.SMTPAuthenticationError as error:
                    equal(error.smtp_code, 535)
                client.login("alice", "right one")
                equal(client.docmd("MAIL FROM:<bob@mini.example>")[0], 553)
                equal(client.mail("alice@mini.example")[0], 250)
                equal(client.rcpt("x@far.example")[0], 250)
                try:
                    client.data(TEXT.replace("alice@", "bob@"))
                except smtplib.SMTPDataError as error:
                    equal(error.smtp_code, 550)
            log = smtpd.end()
            expect("wrong one" not in log and "right one" not in log, log)
            equal(queued(), [])

    @case("plaintext behind STARTTLS is never executed, nor is the handshake begun")
    def _():
        smtpd = Smtpd("smtp")
        smtpd.client.sendall(b"EHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@mini.example>\r\nDATA\r\nx\r\n.\r\n")
        replies = smtpd.client.makefile("rb").read()
        expect(replies.endswith(b"\r\n554 5.5.1 Nothing may follow STARTTLS before the answer; closing\r\n"), replies)
        smtpd.end()
        equal(queued(), [])

    for what, wire, way in (
        ("half a handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 40, socket.socket.close),
        ("no handshake at all", b"", socket.socket.close),
        ("a handshake that is cut", b"\x16\x03\x01\x02\x00\x01", reset),
        ("no TLS but commands", b"EHLO c\r\nMAIL FROM:<a@b.example>\r\n", None),
    ):

        @case(f"{what} ends the session, and nothing is said in the clear")
        def _(wire=wire, way=way):
            for service in ("smtp", "submissions"):
                smtpd = Smtpd(service)
                if service == "smtp":
                    stream = smtpd.client.makefile("rwb", buffering=0)
                    for line in (b"", b"STARTTLS\r\n"):
                        stream.write(line)
                        expect(stream.readline().startswith(b"220"), "no 220")
                    stream.close()
                smtpd.client.sendall(wire)
                if way:
                    way(smtpd.client)
                else:
                    try:
                        answer = smtpd.client.recv(100)
                    except ConnectionResetError:
                        answer = b""
                    expect(b"250" not in answer and b"500" not in answer, answer)
                contains(smtpd.end(), "why=tls-failed")

    @case("a message that is cut without close_notify, or with it, is not accepted")
    def _():
        for way in (reset, socket.socket.close, lambda stream: stream.unwrap()):
            smtpd = Smtpd("smtp")
            client = client_of(smtpd, "smtp")
            client.mail("x@far.example")
            client.rcpt("alice@mini.example")
            equal(client.docmd("DATA")[0], 354)
            client.sock.sendall(b"half a message\r\n")
            raw = client.sock
            client.file = None
            try:
                if way is reset or way is socket.socket.close:
                    way(socket.socket(fileno=raw.detach()))
                else:
                    raw.unwrap()
            except (OSError, ssl.SSLError):
                pass
            smtpd.client = raw
            smtpd.end()
            equal(queued(), [])

    @case("the network's socket is tlsd's alone, and smtpd's two descriptors lead to tlsd")
    def _():
        smtpd = Smtpd("smtp")
        with client_of(smtpd, "smtp") as client:
            folder = pathlib.Path(f"/proc/{smtpd.process.pid}/fd")
            links = {path.name: os.readlink(path) for path in folder.iterdir()}
            equal(links["0"], links["1"])
            port = f"{client.sock.getsockname()[1]:04X}"
            tcp = {line.split()[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[2].endswith(":" + port)}
            expect(tcp and not any(f"socket:[{inode}]" in links.values() for inode in tcp), f"{tcp}, {links}")
        smtpd.end()

    @case("a real tlsd that is away: 454, and the message goes in the clear")
    def _():
        place.tlsd.stop()
        smtpd = Smtpd("smtp")
        client = OnSocket(smtpd.client)
        client.ehlo()
        expect(client.has_extn("starttls"), client.esmtp_features)
        os.unlink("run/tlsd/s")
        code, text = client.docmd("STARTTLS")
        equal((code, text[:5]), (454, b"4.7.0"))
        client.sendmail("x@far.example", ["alice@mini.example"], TEXT)
        client.quit()
        smtpd.end()
        equal(len(queued()), 1)


finish()
