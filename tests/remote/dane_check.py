#!/usr/bin/env python3
"""remote and DANE (RFC 7672): a real name server with signed, unsigned and broken zones, dnsqd that validates, tlsd, and hosts
that fulfil their TLSA records or do not."""
import pathlib
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent), str(here), str(here.parent / "auth"), str(here.parent / "e2e")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402  pylint: disable=wrong-import-position
from parts import Parts  # noqa: E402  pylint: disable=wrong-import-position
from remoting import Peer, Place  # noqa: E402  pylint: disable=wrong-import-position
from tls_hosts import Certificates, tls_script, tlsa  # noqa: E402  pylint: disable=wrong-import-position
from tls_place import Authority, TlsPlace  # noqa: E402  pylint: disable=wrong-import-position
from zone import ZoneServer, is_there  # noqa: E402  pylint: disable=wrong-import-position


def plain(session):
    session.greet()
    session.serve()


# domain, what it shows, its TLSA records by name below the domain (of which certificate), does it offer TLS, what becomes of mail.
# Each host has a certificate of an authority that nobody knows, for its own name.
FORGED = "0" * 64
ROWS = [
    ("ee", "a record of usage 3 that fits", {"_25._tcp.mx": "3 own"}, True, "dane"),
    ("ta", "a record of usage 2, the host's authority", {"_25._tcp.mx": "2 authority"}, True, "dane"),
    ("two", "one of two records fits, as while keys roll", {"_25._tcp.mx": "3 other|3 own"}, True, "dane"),
    ("wrong", "no record fits", {"_25._tcp.mx": "3 other"}, True, "4.7.5"),
    ("strange", "usage 2 of another authority", {"_25._tcp.mx": "2 other"}, True, "4.7.5"),
    ("stripped", "records that fit, and no STARTTLS offered", {"_25._tcp.mx": "3 own"}, False, "4.7.10"),
    ("useless", "records of usages that do not count for mail", {"_25._tcp.mx": "1 other"}, True, "untrusted"),
    ("uselessplain", "the same, and no STARTTLS offered", {"_25._tcp.mx": "1 other"}, False, "4.7.10"),
    ("none", "no record, as the zone's owner signed", {}, True, "untrusted"),
    ("noneplain", "the same, and no STARTTLS offered", {}, False, "clear"),
    ("otherport", "a record of another port only", {"_587._tcp.mx": "3 other"}, True, "untrusted"),
    ("insecure", "a zone without signatures: its records do not count", {"_25._tcp.mx": "3 other"}, True, "untrusted"),
    ("insecureplain", "the same, and no STARTTLS offered", {"_25._tcp.mx": "3 other"}, False, "clear"),
    ("bogus", "records whose signatures are forged", {}, True, "4.7.5"),
    ("bogusplain", "the same, and no STARTTLS offered: never in the clear", {}, False, "4.7.5"),
    ("alias", "an MX that is an alias, and records where it ends", {"_25._tcp.real": "3 own"}, True, "dane"),
    ("aliaswrong", "the same, and they do not fit", {"_25._tcp.real": "3 other"}, True, "4.7.5"),
    ("aliasname", "an MX that is an alias, and records at its own name only", {"_25._tcp.mx": "3 own"}, True, "dane"),
    ("leaving", "an alias that leaves the signed part, and records at its own name", {"_25._tcp.mx": "3 own"}, True, "dane"),
    ("leavingwrong", "the same, and they do not fit", {"_25._tcp.mx": "3 other"}, True, "4.7.5"),
    ("leavingnone", "an alias that leaves the signed part, and no records", {}, True, "untrusted"),
    ("implicit", "a domain without MX is its own host", {"_25._tcp": "3 own"}, True, "dane"),
    ("implicitwrong", "the same, and the record does not fit", {"_25._tcp": "3 other"}, True, "4.7.5"),
]
UNSIGNED = ("insecure", "insecureplain")


class Zones:
    def __init__(self, certificates):
        self.texts, self.signing = {".": ""}, {".": "good"}
        for number, (name, _, records, _, _) in enumerate(ROWS, 1):
            self.add(name, f"127.0.4.{number}", {where: self.record(what, name, certificates) for where, what in records.items()})

    @staticmethod
    def record(words, name, certificates):
        lines = []
        for word in words.split("|"):
            usage, whose = word.split(" ")
            lines.append(f"TLSA {usage} 0 1 {FORGED}" if whose == "other" else tlsa(usage, certificates[name if whose == "own" else "authority"]))
        return lines

    def add(self, name, address, records):
        zone = f"{name}.example."
        text = "" if name.startswith("implicit") else "@ MX 10 mx\n"
        if name.startswith("alias"):
            text += f"mx CNAME real\nreal A {address}\n"
        elif name.startswith("leaving"):
            text += f"mx CNAME host.away.{zone}\n"
            self.texts[f"away.{zone}"], self.signing[f"away.{zone}"] = f"host A {address}\n", "none"
        else:
            text += f"{'@' if name.startswith('implicit') else 'mx'} A {address}\n"
        text += "".join(f"{where} {line}\n" for where, lines in records.items() for line in lines)
        self.texts[zone], self.signing[zone] = text, "none" if name in UNSIGNED else "good"
        if name.startswith("bogus"):
            self.texts[f"_tcp.mx.{zone}"], self.signing[f"_tcp.mx.{zone}"] = f"_25 TLSA 3 0 1 {FORGED}\n", "broken"


def what_became(outcome):
    letter, text, _ = outcome
    if letter not in "YP":
        return text.split(" ")[0]
    return text.split(") said: ")[0].split(" ")[-1] if " (" in text.split(" said: ")[0] else "clear"


def run(folder, parts):
    authority = Authority(folder)
    maker = Certificates(folder, authority)
    certificates = {name: maker.certificate(f"{name}.example" if name.startswith("implicit") else f"mx.{name}.example") for name, *_ in ROWS}
    zones = Zones(certificates | {"authority": authority.pem})
    with ZoneServer(zones.texts, signing=zones.signing) as names:
        parts.control("dnsforward", names.server + "\n")
        parts.control("dnsanchor", "anchor\n")
        parts.control("anchor", pathlib.Path(names.anchor).read_text())
        tls = TlsPlace(parts, with_certificates=False)
        tls.start_client()
        place = Place(parts, dns=lambda parts: parts.serve("dnsqd", ["dnsq/dnsqd"], user="pn-dns"), timeoutremote="10")
        hosts = {}
        for number, (name, _, _, offers, _) in enumerate(ROWS, 1):
            hosts[name] = Peer(f"127.0.4.{number}", place.port, tls_script(certificates[name]) if offers else plain)

        def deliver(domain):
            identity = place.message("a@" + domain)
            outcome = place.sender.deliver(identity, domain)[0]
            place.sender.forget(identity, 0)
            return outcome

        for name, what, _, _, wanted in ROWS:
            @case(f"{what}: {wanted}")
            def _(name=name, wanted=wanted):
                outcome = deliver(f"{name}.example")
                equal(what_became(outcome), wanted, str(outcome))
                equal(len(hosts[name].messages()), 1 if outcome[0] in "YP" else 0)
                if wanted.startswith("4"):
                    equal((outcome[0], outcome[2]), ("Z", "d"))

        @case("the log says of a delivery by DANE that it was one")
        def _():
            contains(place.spawner.log(), "tls host=mx.ee.example[")
            contains(place.spawner.log(), " verified=dane")

        @case("a host whose TLSA records are forged was not connected to at all")
        def _():
            expect(not hosts["bogus"].sessions and not hosts["bogusplain"].sessions, "it was")

        @case("a policy that says may asks for no TLSA record, and no record counts")
        def _():
            parts.control("tlspolicy", "may\n")
            place.spawner.stop()
            place.sender.close()
            place.start()
            equal([what_became(deliver(f"{name}.example")) for name in ("wrong", "stripped", "bogusplain")], ["untrusted", "clear", "clear"])


if is_there():
    with tempfile.TemporaryDirectory() as directory, Parts() as there:
        run(directory, there)
else:
    @case("DANE with real zones")
    def _():
        skip("NOT SHOWN: nsd or ldnsutils is not here")

finish()
