#!/usr/bin/env python3
"""dnsqd as a real process, as pn-dns and confined: what it makes of a signed tree of zones (a real nsd), of the machine's hosts file, and of a
name server that sends every kind of nonsense (tests/dnsq/hostile.py)"""
import atexit
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "e2e")]
from asking import Asker, start_dnsqd  # noqa: E402
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from hostile import ANSWERS, ZONE, HostileServer  # noqa: E402
from parts import Parts  # noqa: E402
from zone import ZoneServer, free_port, is_there  # noqa: E402

SIGNED = {
    ".": """
secure.example.          A      192.0.2.1
secure.example.          AAAA   2001:db8::1
secure.example.          MX     10 mx1.secure.example.
secure.example.          MX     20 MX2.Secure.example.
secure.example.          TXT    "v=spf1 " "-all"
null.example.            MX     0 .
_25._tcp.mx1.secure.example. TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
4.3.2.1.in-addr.arpa.    PTR    secure.example.
alias.example.           CNAME  secure.example.
alias2.example.          CNAME  alias.example.
to-plain.example.        CNAME  host.plain.example.
to-broken.example.       CNAME  host.broken.example.
to-nowhere.example.      CNAME  nowhere.example.
ring.example.            CNAME  ring2.example.
ring2.example.           CNAME  ring.example.
*.wild.example.          MX     5 secure.example.
""",
    "plain.example": "host A 192.0.2.2\n@ MX 10 host\n",
    "broken.example": "host A 192.0.2.3\n@ MX 10 host\n",
    "expired.example": "host A 192.0.2.4\n",
    "early.example": "host A 192.0.2.5\n",
    "stripped.example": "host A 192.0.2.6\n",
    "child.example": "host A 192.0.2.7\n",
}
HOW = {".": "good", "broken.example": "broken", "expired.example": "expired", "early.example": "early", "stripped.example": "stripped",
       "child.example": "good"}
# What is asked, what comes, whether it was validated, records, and where CNAMEs lead.
VALIDATED = [
    ("a", "secure.example", "found", True, [b"A192.0.2.1"], "secure.example"),
    ("a", "SECURE.example", None, None, None, None),  # capitals are no question of dnsqd's protocol: dnsq makes them small
    ("aaaa", "secure.example", "found", True, [b"A2001:db8::1"], "secure.example"),
    ("mx", "secure.example", "found", True, [b"M10 mx1.secure.example", b"M20 mx2.secure.example"], "secure.example"),
    ("mx", "null.example", "found", True, [b"M0 ."], "null.example"),
    ("mx", "a.b.wild.example", "found", True, [b"M5 secure.example"], "a.b.wild.example"),
    ("txt", "secure.example", "found", True, [b"Tv=spf1 -all"], "secure.example"),
    ("tlsa", "_25._tcp.mx1.secure.example", "found", True, [b"L\3\1\1" + bytes.fromhex("00112233445566778899aabbccddeeff" * 2)], "_25._tcp.mx1.secure.example"),
    ("ptr", "4.3.2.1.in-addr.arpa", "found", True, [b"Nsecure.example"], "4.3.2.1.in-addr.arpa"),
    ("cname", "alias.example", "found", True, [b"Nsecure.example"], "alias.example"),
    ("cname", "secure.example", "no data", True, [], "secure.example"),
    ("a", "alias2.example", "found", True, [b"A192.0.2.1"], "secure.example"),
    ("txt", "null.example", "no data", True, [], "null.example"),
    ("a", "nowhere.example", "no name", True, [], "nowhere.example"),
    ("a", "to-nowhere.example", "no name", True, [], "nowhere.example"),
    ("a", "ring.example", "failed", False, [], ""),
    ("a", "host.child.example", "found", True, [b"A192.0.2.7"], "host.child.example"),
    ("a", "host.plain.example", "found", False, [b"A192.0.2.2"], "host.plain.example"),
    ("mx", "plain.example", "found", False, [b"M10 host.plain.example"], "plain.example"),
    ("a", "nothing.plain.example", "no name", False, [], "nothing.plain.example"),
    ("txt", "plain.example", "no data", False, [], "plain.example"),
    ("a", "to-plain.example", "found", False, [b"A192.0.2.2"], "host.plain.example"),
    ("a", "host.broken.example", "bogus", False, [], ""),
    ("mx", "broken.example", "bogus", False, [], ""),
    ("a", "to-broken.example", "bogus", False, [], ""),
    ("a", "host.expired.example", "bogus", False, [], ""),
    ("a", "nothing.expired.example", "bogus", False, [], ""),
    ("a", "host.early.example", "bogus", False, [], ""),
    ("a", "host.stripped.example", "bogus", False, [], ""),
    ("a", "nothing.stripped.example", "bogus", False, [], ""),
]
CONTROL = ("dnsforward", "dnsstub", "dnsanchor", "keys", "anchor")
LOCAL = [
    ("a", "localhost", "found", [b"A127.0.0.1"]),
    ("ptr", "1.0.0.127.in-addr.arpa", "found", None),
    ("mx", "localhost", "no data", []),
    ("txt", "localhost", "no data", []),
    ("a", "example.org", "no name", []),
    ("mx", "example.org", "no name", []),
    ("ptr", "1.2.0.192.in-addr.arpa", "no name", []),
    ("a", "nothing.test", "no name", []),
]
PARTS = Parts().__enter__()
atexit.register(PARTS.__exit__)


def dnsqd_with(**control):
    """A new dnsqd with these control files and no others."""
    for service in PARTS.services:
        service.stop()
    PARTS.services.clear()
    for path in [*(pathlib.Path("control", name) for name in CONTROL), pathlib.Path("log/dnsqd")]:
        path.unlink(missing_ok=True)
    return start_dnsqd(PARTS, **control)


def heard(answer):
    return (answer.status, answer.is_secure, answer.records, answer.canonical)


@case("the machine's hosts file, and nothing else: at once, whatever is asked")
def _():
    dnsqd_with(dnsforward="hosts\n")
    with Asker(seconds=5) as asker:
        for kind, name, status, records in LOCAL:
            answer = asker.ask(kind, name)
            equal(answer.status, status, f"{kind} {name}")
            if records is not None:
                equal(answer.records, records, f"{kind} {name}")
            expect(not answer.is_secure, "nothing of it is signed")


if is_there():
    with ZoneServer(SIGNED, HOW) as zones:
        dnsqd = dnsqd_with(dnsforward=zones.server + "\n", dnsanchor="anchor\n", anchor=pathlib.Path(zones.anchor).read_text())
        for kind, name, *want in VALIDATED:
            if want[0] is None:
                continue

            @case(f"{kind} {name}: {want[0]}{', validated' if want[1] else ''}")
            def _():
                with Asker() as asker:
                    equal(heard(asker.ask(kind, name)), tuple(want))
                    again = asker.ask(kind, name)
                    equal(heard(again), tuple(want), "from the cache")

        @case("a bogus answer says what is wrong")
        def _():
            with Asker() as asker:
                contains(asker.ask("a", "host.expired.example").why, "signature expired")
                contains(asker.ask("a", "host.early.example").why, "before inception")

        @case("how long an answer holds is the least of its records, and counts down")
        def _():
            with Asker() as asker:
                first = asker.ask("a", "alias2.example").ttl
                expect(0 < first <= 300, f"ttl {first}")
                expect(asker.ask("a", "nowhere.example").ttl <= 60, "of no name")

        @case("the same process answered all of it, and logged nothing but its start")
        def _():
            equal(dnsqd.process.poll(), None)
            equal([line.split("event=")[1].split()[0] for line in dnsqd.log().splitlines()], ["start"])

        @case("without a trust anchor nothing is validated, and a broken signature is none")
        def _():
            dnsqd_with(dnsforward=zones.server + "\n", dnsanchor="none\n")
            with Asker() as asker:
                equal(heard(asker.ask("a", "secure.example")), ("found", False, [b"A192.0.2.1"], "secure.example"))
                equal(heard(asker.ask("a", "host.broken.example")), ("found", False, [b"A192.0.2.3"], "host.broken.example"))
                equal(asker.ask("a", "nowhere.example").status, "no name")

    with ZoneServer({"good.example": "mx A 192.0.2.1\nfar CNAME host.elsewhere.example.\n"}) as good, \
            HostileServer(free_port()) as hostile:
        dnsqd = dnsqd_with(dnsforward="hosts\n", dnsstub=f"{ZONE} {hostile.server}\ngood.example {good.server}\n", dnsanchor="none\n")
        outcomes = {}

        @case("a hostile server's answers all come to something, while a sound one's go on")
        def _():
            with Asker() as asker, Asker(seconds=10) as other:
                # Those on one connection to that server have one fate, so what fails is asked after what does not.
                for is_failing in (False, True):
                    rows = [row for row in ANSWERS if (row.status == "failed") == is_failing]
                    for number, row in enumerate(rows):
                        asker.send(row.kind, f"{row.name}.{ZONE}", number)
                    equal(other.ask("a", "mx.good.example").records, [b"A192.0.2.1"], "meanwhile")
                    for _ in rows:
                        answer = asker.next()
                        outcomes[rows[answer.number].name] = answer
            equal(len(outcomes), len(ANSWERS))

        for row in ANSWERS:
            @case(f"hostile: {row.name}: {row.status}{' with what is sound' if row.left_out else ''}")
            def _():
                answer = outcomes[row.name]
                equal((answer.status, answer.records, answer.left_out), (row.status, sorted(row.records), row.left_out), answer.why)
                if row.canonical:
                    equal(answer.canonical, row.canonical)
                expect(row.status != "failed" or answer.why, "there is no reason")

        @case("nothing that it said of other names stays")
        def _():
            with Asker() as asker:
                equal(asker.ask("a", "mx.good.example").records, [b"A192.0.2.1"])
                equal(asker.ask("a", f"victim.{ZONE}").status, "no name")

        @case("a CNAME that leaves a stub's zone finds nobody, soon, where the hosts file is all there is")
        def _():
            with Asker(seconds=20) as asker:
                expect(asker.ask("a", "far.good.example").status in ("failed", "no name"), "an answer from somewhere")

        @case("it asked each question of a hostile server a bounded number of times")
        def _():
            most = max(sum(query.name == f"{row.name}.{ZONE}" for query in hostile.asked) for row in ANSWERS)
            expect(most <= 20, f"{most} times")

        @case("it is still the same process, within its memory")
        def _():
            equal(dnsqd.process.poll(), None)
            status = pathlib.Path(f"/proc/{dnsqd.process.pid}/status").read_text()
            data = int(status.split("VmData:")[1].split()[0])
            expect(data < 256 * 1024, f"{data} KiB")
else:
    @case("zones of a real name server")
    def _():
        skip("NOT SHOWN: takes the packages nsd and ldnsutils")

WRONG = [
    ({"dnsforward": "nonsense\n"}, "control/dnsforward"),
    ({"dnsstub": "example.org\n"}, "control/dnsstub"),
    ({"dnsforward": "127.0.0.1\n", "dnsanchor": "/nowhere/keys\n"}, "/nowhere/keys"),
    ({"dnsforward": "127.0.0.1\n", "dnsanchor": "keys\n", "keys": "this is no key\n"}, "libunbound"),
]
for files, named in WRONG:
    @case(f"it does not start with {' and '.join(f'{name}: {text.strip()}' for name, text in files.items())}, and says why")
    def _():
        try:
            dnsqd_with(**files)
        except AssertionError as error:
            contains(str(error), named)
        else:
            expect(False, "it started")
        equal(PARTS.services[0].process.wait(20), 100)

finish()
