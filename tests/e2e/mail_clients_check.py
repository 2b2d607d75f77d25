#!/usr/bin/env python3
"""mail_clients_check - real mail clients send through submission, over TLS, with a login

Each client on both ports: a right password, a wrong one, and a certificate that it has no reason to trust. swaks, curl,
msmtp, mutt, Python's smtplib, nodemailer and openssl s_client.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from clients import CLIENTS, NAMED, Account
from postern import Instance, wait_until

PORTS = {"587 with STARTTLS": ("SUBMISSION_PORT", "submission", "starttls"), "465, TLS at once": ("SMTPS_PORT", "submissions", "at once")}
MECHANISMS = (("swaks", "PLAIN"), ("swaks", "LOGIN"), ("curl", "LOGIN"), ("nodemailer", "LOGIN"), ("msmtp", "SCRAM-SHA-256"), ("mutt", "SCRAM-SHA-256"))


def other_authority(directory):
    path = f"{directory}/other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{directory}/key", "-out", path,
                    "-subj", "/CN=Somebody else"], check=True, capture_output=True)
    return path


def field(message, name):
    found = re.search(rb"(?mi)^" + name + rb": ((?:.*\n)(?:[ \t].*\n)*)", message)
    return found[1].decode() if found else ""


with tempfile.TemporaryDirectory(prefix="postern-test.") as place, Instance(users={"alice": "Secret pass 1", "bob": "other"}) as mail:
    os.chmod(place, 0o755)
    strangers_authority = other_authority(place)
    sent = 0

    def account(port, **changes):
        variable, _, tls = PORTS[port]
        settings = {"port": int(mail.env[variable]), "tls": tls, "ca": mail.env["CAFILE"], "user": "alice", "password": "Secret pass 1", **changes}
        return Account(**settings)

    def send(client, account_, subject):
        return CLIENTS[client](account_, "alice@here.example", "bob@here.example", subject)

    def sends(client, account_, subject):
        global sent  # pylint: disable=global-statement
        done = send(client, account_, subject)
        expect(done.sent, lambda: done.output[-500:])
        sent += 1
        message = mail.wait_for_messages("bob", sent)[-1]
        contains(message, subject.encode())
        return message

    def refused(client, account_):
        done = send(client, account_, "must not arrive")
        expect(not done.sent, "it was sent")
        return done.output

    def logins(port):
        """How often somebody tried to log in on that port, as its log has it."""
        return len(re.findall(r"event=login", mail.log(PORTS[port][1]), re.M))

    for port in PORTS:
        for client in CLIENTS:

            @case(f"{client} on {port}: sends")
            def _():
                before = logins(port)
                message = sends(client, account(port), f"by {client} on {port[:3]}")
                wait_until(lambda: logins(port) > before, [mail.dir / "log" / PORTS[port][1]], what="the login in the log")
                received = field(message, b"Received")
                expect(re.search(r"\bwith (UTF8SMTPSA|ESMTPSA)\b", received), received)
                expect("127.0.0.1" not in received, received)

            @case(f"{client} on {port}: a certificate by an authority that it does not know: it does not even log in")
            def _():
                before = logins(port)
                refused(client, account(port, ca=strangers_authority))
                equal(logins(port), before)

            if client in NAMED:

                @case(f"{client} on {port}: a certificate for another name: it does not even log in")
                def _():
                    before = logins(port)
                    refused(client, account(port, name="there.example"))
                    equal(logins(port), before)

            @case(f"{client} on {port}: a wrong password")
            def _():
                before = logins(port)
                contains(refused(client, account(port, password="Secret pass 2")) + " ", "" if client in ("curl", "mutt") else "535")
                wait_until(lambda: logins(port) > before, [mail.dir / "log" / PORTS[port][1]], what="a word of it in the log")

    for client, mechanism in MECHANISMS:

        @case(f"{client}: {mechanism}")
        def _():
            sends(client, account("465, TLS at once", mechanism=mechanism), f"{mechanism} by {client}")

        @case(f"{client}: {mechanism}, a wrong password")
        def _():
            refused(client, account("587 with STARTTLS", mechanism=mechanism, password="Secret pass 2"))

    @case("the certificate by its name; a login with its domain; the other user, too")
    def _():
        for client in NAMED:
            sends(client, account("587 with STARTTLS", name="here.example", user="alice@here.example"), f"named by {client}")
        done = CLIENTS["curl"](account("465, TLS at once", user="bob", password="other"), "bob@here.example", "alice@here.example", "from bob")
        expect(done.sent, done.output)
        mail.wait_for_messages("alice", 1)

    @case("an app password works where it is for submission, and no longer when it is revoked")
    def _():
        made = mail.run("postern", "user", "apppass", "add", "alice", "phone", "--services", "submission")
        equal(made.returncode, 0, made.stderr)
        word = made.stdout.decode().split()[-1]
        sends("curl", account("465, TLS at once", password=word), "with an app password")
        equal(mail.run("postern", "user", "apppass", "del", "alice", "phone").returncode, 0)
        refused("curl", account("465, TLS at once", password=word))

    @case("a new password counts at once, and the old one no longer")
    def _():
        equal(mail.run("postern", "user", "passwd", "alice", message=b"a third one\n").returncode, 0)
        sends("curl", account("465, TLS at once", password="a third one"), "after the change")
        refused("curl", account("465, TLS at once"))

    @case("nothing arrived but what was sent with the right password, and no log has a password")
    def _():
        mail.wait_for_empty_queue()
        equal(len(mail.messages("bob")), sent)
        for path in mail.dir.glob("log/*/*"):
            if path.is_file():
                for word in (b"Secret pass", b"a third one", b"U2VjcmV0IHBhc3Mg"):
                    expect(word not in path.read_bytes(), str(path))

finish()
