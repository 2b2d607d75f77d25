#!/usr/bin/env python3
"""mail_check - mail from real clients arrives in the Maildir, or the client hears why not"""
import email
import os
import pathlib
import smtplib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish, skip
from postern import Instance

body = "Grüße\r\n.leading dot\r\n..two\r\nlast line\r\n".encode()
as_delivered = body.replace(b"\r\n", b"\n")
nobody = 65534


def refusal(action):
    """(code, text) of the error reply that the call ends in."""
    try:
        action()
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error.decode()
    except smtplib.SMTPRecipientsRefused as error:
        (code, text), = error.recipients.values()
        return code, text.decode()
    return 250, "accepted"


with Instance(users=("alice", "bob"), domains=("here.example", "there.example")) as mail:

    def next_message(user, action):
        """The message that the action adds to the mailbox, whole and parsed."""
        before = set(mail.message_files(user))
        action()
        mail.wait_for_messages(user, len(before) + 1)
        path, = set(mail.message_files(user)) - before
        return path.read_bytes(), email.message_from_bytes(path.read_bytes())

    @case("smtplib: the bytes arrive, and the envelope in front of them")
    def _():
        with mail.smtp() as client:
            reply = []
            raw, message = next_message("alice", lambda: reply.append(
                (client.ehlo(), client.mail("Sender@client.example"), client.rcpt("alice@here.example"),
                 client.data(b"Subject: one\r\n\r\n" + body))[-1]))
        code, text = reply[0]
        equal(code, 250)
        expect(raw.endswith(b"Subject: one\n\n" + as_delivered), f"the end is {raw[-200:]!r}")
        equal(raw.split(b"\n")[0], b"Return-Path: <Sender@client.example>")
        equal(message["Delivered-To"], "alice@here.example")
        equal(len(message.get_all("Received")), 1)
        contains(message["Received"], "from client.example")
        contains(message["Received"], "127.0.0.1")
        message_id = text.decode().split()[-1]
        contains(message["Received"], message_id, "the ID of the reply")
        mail.wait_for_log("queue-send", f"id={message_id} .*outcome=delivered")

    @case("smtplib: over IPv6")
    def _():
        if not os.path.exists("/proc/net/if_inet6"):
            skip("no IPv6 here")
        with mail.smtp(host="::1") as client:
            _, message = next_message("alice", lambda: client.sendmail("a@client.example", "alice@here.example", "Subject: six\r\n\r\n"))
        contains(message["Received"], "[IPv6:::1]")

    @case("one message for two users is two files")
    def _():
        def send():
            with mail.smtp() as client:
                equal(client.sendmail("a@client.example", ["alice@here.example", "bob@there.example"], "Subject: both\r\n\r\nx\r\n"), {})

        raw, message = next_message("alice", lambda: next_message("bob", send))
        contains(raw, b"Subject: both")
        equal(message["Delivered-To"], "alice@here.example")

    @case("the second domain is local too, and case does not matter")
    def _():
        _, message = next_message("bob", lambda: mail.send("BOB@There.Example", b"Subject: two\r\n\r\n"))
        equal(message["Delivered-To"].lower(), "bob@there.example")

    @case("a mailbox belongs to its user and nobody else reads it")
    def _():
        owners = set()
        for user in mail.users:
            status = os.stat(mail.maildir(user).parent)
            equal(status.st_mode & 0o7777, 0o700)
            owners.add(status.st_uid)
            for path in mail.message_files(user):
                equal(path.stat().st_uid, status.st_uid)
                equal(path.stat().st_mode & 0o077, 0)
        equal(len(owners), len(mail.users), "uids")
        expect(0 not in owners, "a mailbox of root")

    @case("swaks")
    def _():
        def send():
            done = subprocess.run(["swaks", "--server", mail.host, "--port", str(mail.port), "--to", "bob@here.example", "--from",
                                   "swaks@client.example", "--header", "Subject: from swaks", "--body", "hello"],
                                  capture_output=True, text=True, check=False)
            equal(done.returncode, 0, done.stdout)

        _, message = next_message("bob", send)
        equal(message["Subject"], "from swaks")
        equal(message["Return-Path"], "<swaks@client.example>")

    @case("an unknown user is refused at RCPT")
    def _():
        with mail.smtp() as client:
            code, text = refusal(lambda: client.sendmail("a@client.example", "nobody-here@here.example", "x"))
        equal((code, text[:5]), (550, "5.1.1"))

    @case("relaying is refused")
    def _():
        with mail.smtp() as client:
            code, text = refusal(lambda: client.sendmail("a@client.example", "x@elsewhere.example", "x"))
        equal((code, text[:5]), (550, "5.7.1"))

    @case("postmaster works, with every local domain and without one")
    def _():
        for recipient in ("postmaster@here.example", "Postmaster@there.example", "postmaster"):
            before = len(mail.messages("postmaster"))
            with mail.smtp() as client:
                client.ehlo()
                client.docmd("MAIL FROM:<a@client.example>")
                equal(client.docmd(f"RCPT TO:<{recipient}>")[0], 250, recipient)
                equal(client.data(b"Subject: help\r\n\r\n")[0], 250)
            mail.wait_for_messages("postmaster", before + 1)

    @case("a message from the null sender has an empty Return-Path")
    def _():
        _, message = next_message("alice", lambda: mail.send("alice", b"Subject: bounce\r\n\r\n", sender=""))
        equal(message["Return-Path"], "<>")

    @case("inject as root: recipients from the header, what is missing completed, Bcc not shown")
    def _():
        text = b"To: Alice <alice@here.example>\nBcc: bob@here.example\nSubject: injected\n\nhello\n"
        before = len(mail.messages("bob"))

        def send():
            done = mail.inject(message=text)
            equal((done.returncode, done.stderr), (0, b""))

        raw, message = next_message("alice", send)
        expect(raw.endswith(b"\n\nhello\n"), f"the end is {raw[-50:]!r}")
        for name in ("Date", "From", "Message-ID"):
            expect(message[name], f"{name} is missing")
        equal(message["Bcc"], None)
        contains(message["Received"], "uid 0")
        mail.wait_for_messages("bob", before + 1)

    @case("inject as nobody: recipients as arguments")
    def _():
        def send():
            done = mail.inject("bob@here.example", message=b"Subject: from nobody\n\nx\n", uid=nobody)
            equal((done.returncode, done.stderr), (0, b""))

        _, message = next_message("bob", send)
        equal(message["Subject"], "from nobody")
        contains(message["Received"], f"uid {nobody}")

    @case("a bounce of an injected message comes back to its sender")
    def _():
        def send():
            done = mail.inject("-f", "alice@here.example", "no-such-user@here.example", message=b"Subject: lost\n\nx\n")
            equal((done.returncode, done.stderr), (0, b""))

        raw, message = next_message("alice", send)
        equal(message["Return-Path"], "<>")
        equal(message.get_content_type(), "multipart/report")
        contains(raw, b"no-such-user@here.example")
        contains(raw, b"Subject: lost")

    @case("in the end the queue is empty")
    def _():
        mail.wait_for_empty_queue()
        equal(list(mail.dir.glob("queue/tmp/*")), [])
        equal(list(mail.dir.glob("queue/broken/*")), [])

finish()
