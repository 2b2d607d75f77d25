#!/usr/bin/env python3
"""Mail leaves: a complete instance, a real name server with a signed zone, and hosts of every kind, among them a Postfix, an
OpenSMTPD and some that are hostile. Every message is delivered once, deferred or bounced, as this table says."""
import datetime
import email
import email.policy
import pathlib
import re
import socket
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "send")]
import hosts  # noqa: E402  pylint: disable=wrong-import-position
from others import OpenSmtpd, Postfix, why_not  # noqa: E402  pylint: disable=wrong-import-position
from parts import envelope, inject, netstring  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from report import Report, date  # noqa: E402  pylint: disable=wrong-import-position
from zone import ZoneServer, is_there  # noqa: E402  pylint: disable=wrong-import-position
from check import case, contains, equal, expect, finish, skip  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = 60
# domain, the host behind it, what becomes of mail for it: None is delivered once; a status code: bounced with it; "deferred"
# and a status code: it waits for ever. A domain's MX is mx.DOMAIN, at an address of its own.
# domain, kind of host, what becomes of mail for it: "delivered" once; "bounced 5.1.1": with that status; "deferred 4.4.1": it
# waits, for as long as it may. A domain's one MX is mx.DOMAIN, at an address of its own.
TABLE = [
    ("good", hosts.Host, {}, "delivered"),
    ("capable", hosts.Host, {"features": hosts.everything}, "delivered"),
    ("old", hosts.Host, {"features": ("HELP",)}, "delivered"),
    ("grey", hosts.Greylisting, {}, "delivered"),
    ("busy", hosts.Busy, {}, "delivered"),
    ("leaving", hosts.Leaving, {}, "delivered"),
    ("tarpit", hosts.Tarpit, {}, "delivered"),
    ("nul", hosts.Nul, {}, "delivered"),
    ("cutting", hosts.CuttingInData, {}, "delivered"),
    ("cut", hosts.CuttingAfterDot, {}, "delivered, and again what was cut between the dot and the reply"),
    ("noone", hosts.RefusingRecipients, {}, "bounced 5.1.1"),
    ("nulno", hosts.RefusingWithNul, {}, "bounced 5.1.1"),
    ("nospam", hosts.RefusingMessages, {}, "bounced 5.7.1"),
    ("nomail", hosts.NoMailHost, {}, "bounced 5.3.2"),
    ("refusing", hosts.RefusingConnections, {}, "deferred 4.3.2"),
    ("silent", hosts.Silent, {}, "deferred 4.4"),
    ("dead", hosts.Dead, {}, "deferred 4.4.1"),
    ("endless", hosts.Endless, {}, "deferred 4"),
    ("line", hosts.EndlessLine, {}, "deferred 4"),
    ("hasty", hosts.Hasty, {}, "deferred 4.5.0"),
    ("hastydata", hosts.HastyAtData, {}, "deferred 4.5.0"),
    ("disordered", hosts.Disordered, {}, "deferred 4.5.0"),
    ("babbling", hosts.Babbling, {}, "deferred 4.5.0"),
]
# domains without a host of their own: what DNS says, and what becomes of mail
NAMES = [
    ("nullmx", "nullmx.example. MX 0 .\n", "bounced 5.1.10"),
    ("nosuch", "", "bounced 5.1.2"),
    ("empty", "empty.example. TXT nothing\n", "bounced 5.1.2"),
    ("nohost", "nohost.example. MX 10 mx.nohost.example.\n", "bounced 5.4.4"),
    ("backup", "backup.example. MX 10 mx.dead.example.\nbackup.example. MX 20 mx.good.example.\n", "delivered"),
    ("plain", "plain.example. A 127.0.1.1\n", "delivered"),
    ("alias", "alias.example. CNAME good.example.\n", "delivered"),
    ("xn--bcher-kva", "xn--bcher-kva.example. MX 10 mx.good.example.\n", ""),
    ("loop", "loop.example. MX 10 here.example.\nloop.example. MX 20 mx.good.example.\nhere.example. A 127.0.0.1\n", "bounced 5.4.6"),
    ("bogus", "", "deferred 4.4.3"),
]


def zone_text(addresses):
    text = "".join(f"{name}.example. MX 10 mx.{name}.example.\nmx.{name}.example. A {address}\n" for name, address in addresses.items())
    return text + "".join(line for _, line, _ in NAMES)


class Sending:
    """The instance and all hosts around it; entered once for all cases."""

    def __enter__(self):
        self.addresses = {row[0]: f"127.0.1.{number}" for number, row in enumerate(TABLE, 1)}
        self.addresses |= {"postfix": "127.0.1.101", "opensmtpd": "127.0.1.102", "relay": "127.0.1.103"}
        self.port = hosts.common_port(self.addresses.values())
        self.hosts = {name: kind(self.addresses[name], self.port, **settings) for name, kind, settings, _ in TABLE}
        zones = {".": zone_text(self.addresses), "bogus.example.": "@ MX 10 mx.good.example.\n"}
        self.names = ZoneServer(zones, signing={".": "good", "bogus.example.": "broken"}).__enter__()
        self.mail = Instance(users=("alice", "bob"), settings={
            "dnsforward": self.names.server, "dnsanchor": self.names.anchor, "smtpport": self.port, "retryschedule": 1, "timeoutconnect": 5,
            "timeoutremote": 5, "concurrencyremote": 200,
            "smtproutes": [f"routed.example:[{self.addresses['relay']}]:{self.port}", f"login.example:[{self.addresses['relay']}]:{self.port} user secret"]}).__enter__()
        self.others = {}
        if not why_not():
            settings = self.addresses["postfix"], self.port, "postfix.example", f"[127.0.0.1]:{self.mail.env['SMTP_PORT']}"
            self.others["postfix"] = Postfix(*settings).__enter__()
            self.others["opensmtpd"] = OpenSmtpd(self.addresses["opensmtpd"], self.port, "opensmtpd.example").__enter__()
        self.number, self.seen = 0, {}  # reports by file
        return self

    def __exit__(self, *error):
        for other in self.others.values():
            other.__exit__(*error)
        self.mail.__exit__(*error)
        self.names.__exit__(*error)
        for host in self.hosts.values():
            host.close()

    def put(self, *recipients, text=b"hello\n", header=b"", extra=b"", each=b"", sender="alice@here.example"):
        """Queues a message with a token of its own: token, ID."""
        self.number += 1
        token = f"t{self.number}"
        message = b"X-Token: " + token.encode() + b"\nSubject: test\n" + header + b"\n" + text
        lines = envelope(sender, [], extra=extra) + b"".join(b"r" + netstring(recipient.encode()) + each for recipient in recipients)
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(SECONDS)
            stream.connect(str(self.mail.dir / "run/queue-anyone/s"))
            letter, name = inject(stream, message, lines)
        equal(letter, b"Y", name)
        return token, name.decode()

    def wait(self, condition, what, seconds=SECONDS):
        logs = self.mail.dir / "log"
        return wait_until(condition, [logs / "queue-send", self.mail.maildir("alice") / "new"], seconds, what)

    def wait_done(self, *identities):
        """Returns when these messages have left the queue, and so have reports."""
        self.wait(lambda: not set(identities) & set(self.mail.queued()), lambda: f"the end of {set(identities) & set(self.mail.queued())}")

    def outcomes(self):
        """{(ID, recipient): [(outcome, text) ...]} of the log so far"""
        found = {}
        for line in re.finditer(r"event=delivery id=(\S+) recipient=(\S+) outcome=(\S+) text=(\S+)", self.mail.log("queue-send")):
            text = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), line[4])
            recipient = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), line[2]).encode("latin-1").decode()
            found.setdefault((line[1], recipient), []).append((line[3], text))
        return found

    def reports(self):
        """Reports in alice's mailbox, by final recipient: [(report, fields of that recipient) ...]"""
        for path in self.mail.message_files("alice"):
            if path.name not in self.seen:
                text = path.read_bytes()
                is_ours = b"\nContent-Type: multipart/report" in text and b"Mail delivery <MAILER-DAEMON@here.example>" in text
                self.seen[path.name] = Report(text) if is_ours else None
        found = {}
        for report in filter(None, self.seen.values()):
            for recipient in report.recipients:
                found.setdefault(recipient["Final-Recipient"].split("; ")[1], []).append((report, recipient))
        return found




def body_of(text):
    """A delivered message as its sender wrote it: without the fields that hosts put in front, and without trailing blank lines."""
    return text[text.index(b"X-Token: "):].rstrip(b"\n")


def run(sending):
    wanted = {row[0]: row[-1] for row in (*TABLE, *NAMES) if row[-1]}
    sent = {}  # (domain, ID, recipient): token

    def check_rows():
        outcomes, reports = sending.outcomes(), sending.reports()
        copies = {}
        for host in sending.hosts.values():
            for key, count in host.copies().items():
                copies[key] = copies.get(key, 0) + count
        wrong = []
        for (name, identity, recipient), token in sent.items():
            want, _, status = wanted[name].partition(" ")
            last = outcomes[identity, recipient][-1]
            count = copies.get((token, recipient), 0)
            if name == "cut":
                continue
            if want == "delivered" and (count != 1 or last[0] not in ("relayed", "passed")):
                wrong.append(f"{recipient}: {count} copies, {last}")
            if want != "delivered" and count:
                wrong.append(f"{recipient}: {count} copies, though {want}")
            if want == "deferred" and not (last[0] == "deferred" and last[1].startswith(status)):
                wrong.append(f"{recipient}: {last}, not deferred {status}")
            if want == "bounced" and ([fields["Status"] for _, fields in reports.get(recipient, [])] != [status]):
                wrong.append(f"{recipient}: reports {[fields for _, fields in reports.get(recipient, [])]}, not one with {status}")
        equal(wrong, [])

    @case("to every kind of host: delivered once, deferred or bounced, as the table says")
    def _():
        for name in wanted:
            for number in range(3):
                recipients = [f"a{number}@{name}.example", f"b{number}@{name}.example"][: 1 + number % 2]
                token, identity = sending.put(*recipients)
                sent.update({(name, identity, recipient): token for recipient in recipients})
        open_rows = dict(sent)

        def is_over():
            outcomes, reports = sending.outcomes(), sending.reports()
            for name, identity, recipient in list(open_rows):
                last = outcomes.get((identity, recipient), [("", "")])[-1][0]
                want = wanted[name].split(" ")[0].rstrip(",")
                if (want == "bounced" and recipient in reports) or (want == "deferred" and last == "deferred") or \
                        (want == "delivered" and last in ("relayed", "passed")) or last == "failed" and want != "bounced":
                    del open_rows[name, identity, recipient]
            return not open_rows
        sending.wait(is_over, lambda: f"no end of {sorted(open_rows)}; {sorted(sending.outcomes().items())[-20:]}")
        check_rows()

    @case("a connection that is cut between the dot and its reply: every copy more than one is such a cut")
    def _():
        host = sending.hosts["cut"]
        copies = host.copies()
        equal({key[1] for key in copies}, {recipient for name, _, recipient in sent if name == "cut"})
        cut = sum(len(taken.recipients) for taken in host.taken[: host.times])
        equal(sum(copies.values()) - len(copies), cut, "copies too many")

    @case("nobody else hears of what a host that lies said: reports keep their shape, and name the host")
    def _():
        for name in ("nulno", "noone", "nospam"):
            for recipient in (key[2] for key in sent if key[0] == name):
                (report, fields), = sending.reports()[recipient]
                equal(fields["Remote-MTA"], f"dns; mx.{name}.example")
                expect(fields["Diagnostic-Code"].startswith("smtp; 55"), fields)
                contains(report.mail["From"].addresses[0].addr_spec, "MAILER-DAEMON@here.example")

    @case("what is deferred is still there, and goes back when its time is over, with what was said last")
    def _():
        waiting = [key for key in sent if wanted[key[0]].startswith("deferred")]
        queued = set(sending.mail.queued())
        equal({identity for _, identity, _ in waiting} - queued, set(), "gone from the queue")
        (sending.mail.dir / "control/queuelifetime").write_text("0\n")
        sending.mail.service("queue-send").send_signal(1)
        sending.mail.run("postern", "queue", "flush")
        sending.wait(lambda: {recipient for _, _, recipient in waiting} <= set(sending.reports()),
                     lambda: f"not given up: {[key for key in waiting if key[2] not in sending.reports()]}")
        (sending.mail.dir / "control/queuelifetime").write_text("432000\n")
        sending.mail.service("queue-send").send_signal(1)
        for name, _, recipient in waiting:
            (_, fields), = sending.reports()[recipient]
            equal((fields["Action"], fields["Status"]), ("failed", "4.4.7"), recipient)
        sending.mail.wait_for_empty_queue()

    @case("delayed: who asked for that is told once, until when it is tried, and then that it failed or arrived")
    def _():
        (sending.mail.dir / "control/delaynotice").write_text("1\n")
        sending.mail.service("queue-send").send_signal(1)
        _, identity = sending.put("slow@dead.example", each=b"n" + netstring(b"8"))
        _, quiet = sending.put("quiet@dead.example")
        sending.wait(lambda: "slow@dead.example" in sending.reports(), "a report of delay")
        tries = len(sending.outcomes()[identity, "slow@dead.example"])
        sending.wait(lambda: len(sending.outcomes()[identity, "slow@dead.example"]) >= tries + 2, "two more tries")
        (report, fields), = sending.reports()["slow@dead.example"]
        equal((fields["Action"], fields["Status"], "Last-Attempt-Date" in fields, report.has_body), ("delayed", "4.4.1", True, False))
        expect(date(fields["Will-Retry-Until"]) - date(report.message["Arrival-Date"]) == datetime.timedelta(seconds=432000), fields)
        expect("quiet@dead.example" not in sending.reports(), "nobody asked")
        dead = hosts.Host(sending.addresses["dead"], sending.port)
        try:
            sending.wait_done(identity, quiet)
        finally:
            dead.close()
        equal(sorted(dead.copies().values()), [1, 1])
        equal(len(sending.reports()["slow@dead.example"]), 1, "reports")

    @case("250 recipients of one domain: transactions of at most 100, a copy each")
    def _():
        host = sending.hosts["good"]
        recipients = [f"many{number}@good.example" for number in range(250)]
        token, identity = sending.put(*recipients)
        sending.wait_done(identity)
        mine = [taken for taken in host.taken if taken.token == token]
        equal(sorted(address for taken in mine for address in taken.addresses()), sorted(recipients))
        expect(3 <= len(mine) and max(len(taken.recipients) for taken in mine) <= 100, [len(taken.recipients) for taken in mine])

    @case("300 messages to one host: each once, over few connections")
    def _():
        host = sending.hosts["capable"]
        before = len(host.sessions)
        tokens, identities = map(set, zip(*(sending.put(f"r{number}@capable.example") for number in range(300))))
        sending.wait_done(*identities)
        copies = {token: count for (token, _), count in host.copies().items() if token in tokens}
        equal(copies, {token: 1 for token in tokens})
        used = len(host.sessions) - before
        expect(used <= 30, f"{used} connections")

    @case("control/smtproutes: to the relay, and to one that wants a login")
    def _():
        with_login = type("WithLogin", (hosts.Host,), {"features": ("AUTH PLAIN LOGIN", "8BITMIME")})
        relay = with_login(sending.addresses["relay"], sending.port)
        try:
            tokens, identities = zip(*(sending.put(f"x@{name}.example") for name in ("routed", "login")))
            sending.wait_done(*identities)
            equal({taken.token: taken.addresses() for taken in relay.taken}, {tokens[0]: ["x@routed.example"], tokens[1]: ["x@login.example"]})
            said = ["AUTH" in " ".join(taken.session.lines) for taken in sorted(relay.taken, key=lambda taken: taken.token)]
            equal(said, [False, True], "who logged in")
        finally:
            relay.close()

    @case("an address literal, a domain in its own script, a domain behind a CNAME")
    def _():
        host = sending.hosts["good"]
        for address, on_the_wire in (("x@[127.0.1.1]", "x@[127.0.1.1]"), ("x@b\u00fccher.example", "x@xn--bcher-kva.example"), ("x@alias.example", "x@alias.example")):
            token, identity = sending.put(address)
            sending.wait_done(identity)
            equal([taken.addresses() for taken in host.taken if taken.token == token], [[on_the_wire]], address)

    @case("eight bits: as they are to a host that takes them, encoded for one that does not; in an address: only where SMTPUTF8 is known")
    def _():
        text = "gr\u00fc\u00dfe, \u20ac\n".encode()
        header = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
        for name in ("good", "old"):
            token, identity = sending.put(f"x@{name}.example", text=text, header=header, extra=b"f1:8,")
            sending.wait_done(identity)
            taken, = [taken for taken in sending.hosts[name].taken if taken.token == token]
            message = email.message_from_bytes(taken.text, policy=email.policy.default)
            equal(message.get_content(), text.decode())
            equal((taken.text.isascii(), "BODY=8BITMIME" in taken.mail), (name == "old", name == "good"))
        for name, is_taken in (("capable", True), ("good", False)):
            address = f"gr\u00fc\u00df@{name}.example"
            token, identity = sending.put(address, header="X: \u20ac\n".encode(), extra=b"f2:8u,")
            sending.wait_done(identity)
            equal(len([taken for taken in sending.hosts[name].taken if taken.token == token]), int(is_taken), name)
            if not is_taken:
                expect(sending.outcomes()[identity, address][-1][1].startswith("5.6."), "why not")

    @case("relayed: a host that knows no reports took it, and the sender who asked is told so")
    def _():
        _, identity = sending.put("dsn@good.example", "quiet@good.example", each=b"n" + netstring(b"2"))
        sending.wait(lambda: {"dsn@good.example", "quiet@good.example"} <= set(sending.reports()), "a report of relaying")
        for recipient in ("dsn@good.example", "quiet@good.example"):
            (report, fields), = sending.reports()[recipient]
            equal((fields["Action"], fields["Status"][0], fields["Remote-MTA"]), ("relayed", "2", "dns; mx.good.example"))
            expect(not report.has_body, "only the header")
        sending.wait_done(identity)

    @case("a host that knows DSN is asked, and the sender's parameters reach it")
    def _():
        host = sending.hosts["capable"]
        token, identity = sending.put("dsn@capable.example", extra=b"e" + netstring(b"QQ 1+2") + b"t" + netstring(b"h"),
                                      each=b"n" + netstring(b"6") + b"q" + netstring(b"rfc822;first last@list.example"))
        sending.wait_done(identity)
        taken, = [taken for taken in host.taken if taken.token == token]
        expect("ENVID=QQ+201+2B2" in taken.mail and "RET=HDRS" in taken.mail, taken.mail)
        words = taken.recipients[0].split(" ")
        expect("NOTIFY=SUCCESS,FAILURE" in words and "ORCPT=rfc822;first+20last@list.example" in words, words)
        equal(sending.outcomes()[identity, "dsn@capable.example"][-1][0], "passed")
        expect("dsn@capable.example" not in sending.reports(), "the report is the other host's to make")


def run_others(sending):
    def text_at(name, token):
        found = [text for text in sending.others[name].messages() if b"X-Token: " + token.encode() + b"\n" in text]
        equal(len(found), 1, f"copies at {name}")
        return body_of(found[0])

    @case("a Postfix and an OpenSMTPD: what they have in their mailboxes is what was sent, once")
    def _():
        if not sending.others:
            skip(why_not())
        texts = {"plain": b"hello\n", "dots": b".\n..\n.x\n\n.\n", "empty": b"", "long": b"y" * 900 + b"\n", "large": b"0123456789abcdef\n" * 4000,
                 "blank lines": b"\n\n\nx\n\n \n"}
        for name, host in sending.others.items():
            put = {what: sending.put(f"{what.replace(' ', '')}@{name}.example", text=text) for what, text in texts.items()}
            tokens = {what: token for what, (token, _) in put.items()}
            sending.wait_done(*(identity for _, identity in put.values()))
            wait_until(lambda: len(host.messages()) >= len(texts), [host.maildir() / "new"] if (host.maildir() / "new").is_dir() else [host.mail], SECONDS, name)  # pylint: disable=cell-var-from-loop
            for what, token in tokens.items():
                want = (b"X-Token: " + token.encode() + b"\n\n" + texts[what]).rstrip(b"\n")
                got = text_at(name, token)
                expect(got.partition(b"\n\n")[2] == want.partition(b"\n\n")[2], f"{what} at {name}: {got[-200:]!r}")

    @case("DSN with Postfix: it sends the report that was asked for, and we do not")
    def _():
        if not sending.others:
            skip(why_not())
        before = len(sending.mail.messages("alice"))
        _, identity = sending.put("seen@postfix.example", each=b"n" + netstring(b"2"))
        texts = sending.mail.wait_for_messages("alice", before + 1)
        contains(texts[-1], b"Final-Recipient: rfc822; seen@postfix.example")
        contains(texts[-1], b"Reporting-MTA: dns; postfix.example")
        equal(sending.outcomes()[identity, "seen@postfix.example"][-1][0], "passed")
        expect("seen@postfix.example" not in sending.reports(), "no report of ours")

    @case("SMTPUTF8 and 8BITMIME with Postfix")
    def _():
        if not sending.others:
            skip(why_not())
        host = sending.others["postfix"]
        before = len(host.messages())
        text = "gr\u00fc\u00dfe\n".encode()
        token, identity = sending.put("gr\u00fc\u00df@postfix.example", text=text, header="X: \u20ac\n".encode(), extra=b"f2:8u,")
        sending.wait_done(identity)
        wait_until(lambda: len(host.messages()) > before, [host.maildir() / "new"], SECONDS, "the message at Postfix")
        contains(text_at("postfix", token), text.rstrip(b"\n"))
        contains(text_at("postfix", token), "\nX: \u20ac\n".encode())


if is_there():
    with Sending() as place:
        run(place)
        run_others(place)
else:

    @case("mail leaves")
    def _():
        skip("nsd and ldnsutils are not here")


finish()
