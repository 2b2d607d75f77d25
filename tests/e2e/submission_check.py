#!/usr/bin/env python3
"""submission_check - mail of those who log in, through a whole instance: delivered here and sent to other hosts

What the message says of its author and his address, what it gets if it has no Date, as whom one may send, how much, and that
nobody else gets through: strangers, port 25, a login that is shut.
"""
import pathlib
import re
import smtplib
import ssl
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from hosts import Host, common_port
from postern import Instance, wait_until
from tls_peer import Peer

PORT = common_port(["127.0.0.2"])
FAR = "carol@[127.0.0.2]"


def fields(message):
    """{name in lower case: [value, ...]} of a delivered message; folds are undone."""
    head = re.sub(rb"\n[ \t]+", b" ", message.split(b"\n\n", 1)[0]).decode("utf-8", "backslashreplace")
    found = {}
    for line in head.splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


far = Host("127.0.0.2", PORT, features=("PIPELINING", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "SMTPUTF8", "SIZE 10000000"))
with Instance(users=("alice", "bob", "carl"), domains=("here.example", "club.example"),
              settings={"smtpport": str(PORT), "sendas": ["alice:info@here.example", "bob:@club.example"], "submissionmessageshour": "30",
                        "submissionrecipientshour": "60"}) as mail:
    arrived = {"alice": 0, "bob": 0, "postmaster": 0}

    def logged_in(user="alice", service="submissions"):
        peer = Peer(mail, service)
        equal(peer.enter(user, "secret"), 235)
        return peer

    def next_message(user):
        arrived[user] += 1
        return mail.wait_for_messages(user, arrived[user])[-1]

    def at_far(count):
        wait_until(lambda: len(far.taken) >= count, [mail.dir / "log/queue-send"], what=f"message {count} at the other host")
        return far.taken[count - 1]

    for number, service in enumerate(("submission", "submissions"), 1):

        @case(f"{service}: one message to a mailbox here and to another host: both get it, and no word of where its author sits")
        def _():
            with logged_in(service=service) as peer:
                equal(peer.deliver("alice@here.example", ["bob@here.example", FAR], f"From: Alice <alice@here.example>\r\nSubject: by {service}\r\n\r\nhello\r\n")[0],
                      250)
            taken = at_far(number)
            equal(taken.addresses(), [FAR])
            for message in (next_message("bob"), taken.text):
                got = fields(message)
                equal(got["subject"], [f"by {service}"])
                expect(len(got["date"]) == 1 and len(got["message-id"]) == 1, str(got))
                expect(re.fullmatch(r"<[^<>@ ]+@here\.example>", got["message-id"][0]), str(got))
                received = got["received"][-1]
                expect(re.match(r"by here\.example .*with (UTF8SMTPSA|ESMTPSA) \(TLSv1\.3 TLS_\S+?\).*id \w+; ", received), received)
                for word in (b"127.0.0.1", b"client.example"):
                    expect(word not in message, f"{word} in {message}")
            equal(len(got["received"]), 1)

    @case("what the author wrote stays as it is: Date, Message-ID, the body's every byte")
    def _():
        body = "From: alice@here.example\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <own@here.example>\r\nSubject: own\r\n\r\n..dots\r\n \r\nend \r\n"
        with logged_in() as peer:
            equal(peer.deliver("alice@here.example", ["bob@here.example"], body.replace("\r\n..", "\r\n..."))[0], 250)
        message = next_message("bob")
        got = fields(message)
        equal((got["date"], got["message-id"]), (["Mon, 1 Jan 2024 00:00:00 +0000"], ["<own@here.example>"]))
        equal(message.split(b"\n\n", 1)[1], b"..dots\n \nend \n")

    @case("the envelope's sender and From are the login's own addresses, or those that control/sendas grants")
    def _():
        rows = [("alice", "alice@here.example", "alice@here.example", 250), ("alice", "alice@club.example", "alice@here.example", 250),
                ("alice", "info@here.example", "info@here.example", 250), ("alice", "", "alice@here.example", 250),
                ("alice", "bob@here.example", "alice@here.example", 553), ("alice", "alice@far.example", "alice@here.example", 553),
                ("alice", "alice@here.example", "bob@here.example", 550), ("alice", "alice@here.example", "alice@far.example", 550),
                ("alice", "alice@here.example", "alice@here.example, bob@here.example", 550), ("alice", "info@club.example", "alice@here.example", 553),
                ("bob", "anybody@club.example", "other@club.example", 250), ("bob", "info@here.example", "bob@here.example", 553)]
        taken = 0
        for login, sender, author, want in rows:
            with logged_in(login) as peer:
                got = peer.deliver(sender, ["bob@here.example"], f"From: {author}\r\nSubject: row\r\n\r\n")
                equal(got[0], want, f"{login} as {sender}, From {author}: {got}")
                taken += want == 250
                equal(peer.code("DATA"), 503, "the transaction is not empty")
        for _ in range(taken):
            next_message("bob")

    @case("port 25 relays nothing and lets nobody log in")
    def _():
        for secure in (False, True):
            with Peer(mail, "smtpd") as peer:
                peer.features()
                if secure:
                    peer.starttls()
                    peer.features()
                equal(peer.log_in("alice", "secret"), 502)
                equal(peer.code("MAIL FROM:<alice@here.example>"), 250)
                equal(peer.code(f"RCPT TO:<{FAR}>"), 550)
                equal(peer.code("MAIL FROM:<alice@here.example> AUTH=<alice>"), 503)

    @case("a login that is shut stays out, with the right password")
    def _():
        equal(mail.run("postern", "user", "disable", "carl").returncode, 0)
        with Peer(mail, "submissions") as peer:
            peer.features()
            code = peer.log_in("carl", "secret")
            expect(code in (535, 525), str(code))
            equal(peer.code("MAIL FROM:<carl@here.example>"), 530)

    @case("wrong logins: an unknown one, a wrong password, an empty one; after a few the connection ends")
    def _():
        with Peer(mail, "submissions") as peer:
            peer.features()
            codes = [peer.log_in(login, password) for login, password in (("nobody", "secret"), ("alice", "wrong"))]
            equal(codes, [535, 535])
            equal(peer.code("MAIL FROM:<alice@here.example>"), 530)
            tries = 0
            while peer.log_in("alice", "wrong") == 535:
                tries += 1
                expect(tries < 20, "it goes on for ever")

    @case("SMTPUTF8 and DSN: an address of letters beyond ASCII goes on, and so do NOTIFY and RET", seconds=100)
    def _():
        count = len(far.taken)
        with logged_in() as peer:
            equal(peer.code("MAIL FROM:<alice@here.example> SMTPUTF8 RET=HDRS ENVID=x1"), 250)
            equal(peer.code("RCPT TO:<käte@[127.0.0.2]> NOTIFY=SUCCESS,FAILURE"), 250)
            equal(peer.code("DATA"), 354)
            peer.take("From: Alice <alice@here.example>\r\nTo: käte@[127.0.0.2]\r\nSubject: grüße\r\n\r\nhello\r\n".encode())
            equal(peer.code("."), 250)
        taken = at_far(count + 1)
        contains(taken.mail, "SMTPUTF8")
        contains(taken.mail, "ENVID=x1")
        contains(taken.recipients[0], "NOTIFY=SUCCESS,FAILURE")
        contains(taken.text, "Subject: grüße".encode())

    @case("submissionclient=show: Received says where from")
    def _():
        (mail.dir / "control/submissionclient").write_text("show\n")
        with logged_in() as peer:
            equal(peer.deliver("alice@here.example", ["bob@here.example"], "From: alice@here.example\r\nSubject: shown\r\n\r\n")[0], 250)
        contains(fields(next_message("bob"))["received"][-1], "[127.0.0.1]")
        (mail.dir / "control/submissionclient").unlink()

    @case("Python's smtplib, with its own idea of all this")
    def _():
        trust = ssl.create_default_context(cafile=mail.env["CAFILE"])
        with smtplib.SMTP("127.0.0.1", mail.ports["submission"], "client.example", timeout=30) as client:
            client.starttls(context=trust)
            client.login("bob", "secret")
            client.sendmail("bob@here.example", ["bob@here.example"], "From: bob@here.example\r\nSubject: by smtplib\r\n\r\nhello\r\n")
        contains(next_message("bob"), b"Subject: by smtplib")

    @case("limits: messages of one login in an hour; then 4xx, the other goes on, and the operator is told once")
    def _():
        (mail.dir / "control/submissionmessageshour").write_text("2\n")
        codes = []
        with logged_in("alice") as peer:
            for _ in range(4):
                code, text = peer.deliver("alice@here.example", ["bob@here.example"], "From: alice@here.example\r\nSubject: many\r\n\r\n")
                codes.append(code)
                if code != 250:
                    expect(code // 100 == 4 and text[0].startswith("4.7."), f"{code} {text}")
                    peer.code("RSET")
        expect(all(code // 100 == 4 for code in codes), f"more than two were sent before: {codes}")
        mail.wait_for_log("submissions", r"event=limit-reached .*login=alice")
        told = re.findall(r"event=limit-reached .*login=alice.*$", mail.log("submissions"), re.M)
        equal(len(told), 1, mail.log("submissions")[-500:])
        (mail.dir / "control/submissionmessageshour").write_text("1000\n")
        (mail.dir / "control/submissionrecipientshour").write_text("50\n")
        with logged_in("alice") as peer:
            equal(peer.deliver("alice@here.example", ["bob@here.example"], "From: alice@here.example\r\nSubject: one more\r\n\r\n")[0], 250)
            next_message("bob")
            many = [f"x{number}@[127.0.0.2]" for number in range(60)]
            code, _ = peer.deliver("alice@here.example", many, "From: alice@here.example\r\nSubject: to many\r\n\r\n")
            equal(code // 100, 4)

    @case("the log has the login of each message, and nobody's password")
    def _():
        mail.wait_for_log("submissions", r"event=accepted .*login=alice")
        for path in mail.dir.glob("log/*/*"):
            if path.is_file():
                expect(b"AHNlY3JldA" not in path.read_bytes() and b"password=" not in path.read_bytes(), str(path))

    @case("nothing else arrived, here or there")
    def _():
        mail.wait_for_empty_queue()
        equal(len(mail.messages("bob")), arrived["bob"])
        expect(not any("x1@" in address for taken in far.taken for address in taken.addresses()), "the message that was over the limit was sent")
far.close()
finish()
