#!/usr/bin/env python3
"""tlsd as a client: certificates by what is wanted of them, TLSA records as a table, and how it ends"""
import atexit
import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import ssl
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts  # noqa: E402

if os.geteuid() != 0:
    @case("tlsd verifies other hosts")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from tls_place import Authority, InBackground, TlsPlace, new_key, openssl, read_facts, tcp_pair, wanted  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which are offered here to be refused
HOST = "mx.host.example"

parts = Parts().__enter__()
atexit.register(parts.__exit__)
place = TlsPlace(parts, with_certificates=False)
os.mkdir("hosts")
stranger = Authority("authorities", "stranger")


def host(name, authority, names, kind="ec", days=30, common="host of the test"):
    """(certificate and key of a host, its chain): files below hosts/"""
    key, certificate = f"hosts/{name}.key", f"hosts/{name}.pem"
    new_key(key, kind)
    authority.sign(key, certificate, names, days, common)
    with open(certificate, "a") as chain, open(authority.pem) as above:
        chain.write(above.read())
    return certificate, key


HOSTS = {
    "good": host("good", place.authority, [HOST]),
    "RSA": host("rsa", place.authority, [HOST], "rsa"),
    "P-384": host("p384", place.authority, [HOST], "p384"),
    "wildcard": host("wildcard", place.authority, ["*.host.example"]),
    "wildcard too far up": host("far", place.authority, ["*.sub.example", "*"]),
    "another name": host("other", place.authority, ["other.example"]),
    "name in CN only": host("cn", place.authority, [], common=HOST),
    "expired": host("expired", place.authority, [HOST], days=-1),
    "unknown authority": host("unknown", stranger, [HOST]),
    "RSA of 1024 bits": host("weak", place.authority, [HOST], "rsa:1024"),
}
place.start_client()


def talk(which, body, minimum=None, goodbye=True, context=None):
    """One connection to a host of the test: (facts or refusal, what the host saw)"""
    server, network = tcp_pair()
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(*HOSTS[which])
        if minimum:
            context.maximum_version = minimum
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def serve():
        try:
            with context.wrap_socket(server, server_side=True) as tls:
                if tls.recv(100) == b"EHLO":
                    tls.sendall(b"250 hello")
                    if goodbye:
                        with contextlib.suppress(OSError):
                            tls.unwrap()
                return names
        except (ssl.SSLError, OSError) as error:
            return str(error)
    host_end = InBackground(serve)
    with place.hand_over("tlsc", "pn-remote", network, body) as asker:
        facts = read_facts(asker)
        if isinstance(facts, dict):
            asker.sendall(b"EHLO")
            equal(asker.recv(100), b"250 hello")
        asker.close()
    return facts, host_end.result()


# certificate: (as mode any sees it: verified, why), whether mode name goes on, why not
TABLE = {
    "good": ("v", "", ""),
    "RSA": ("v", "", ""),
    "P-384": ("v", "", ""),
    "wildcard": ("v", "", ""),
    "wildcard too far up": ("u", "hostname mismatch", "hostname mismatch"),
    "another name": ("u", "hostname mismatch", "hostname mismatch"),
    "name in CN only": ("u", "hostname mismatch", "hostname mismatch"),
    "expired": ("u", "certificate has expired", "certificate has expired"),
    "unknown authority": ("u", "self-signed certificate in certificate chain", "self-signed certificate in certificate chain"),
    "RSA of 1024 bits": ("u", "EE certificate key too weak", "key too weak"),
}
for which, (verified, why, refusal) in TABLE.items():
    @case(f"{which}: mode any goes on, and says {why or 'that it verifies'}")
    def _():
        facts, names = talk(which, wanted(HOST, "o", [HOST]))
        equal((facts["verified"], facts["why"]), (verified, why))
        equal(names, [HOST])

    @case(f"{which}: mode name {'refuses it' if refusal else 'goes on'}")
    def _():
        facts, _ = talk(which, wanted(HOST, "v", [HOST]))
        if refusal:
            expect(isinstance(facts, str) and facts.startswith("no "), facts)
            contains(facts, refusal)
        else:
            equal((facts["verified"], facts["why"]), ("v", ""))


@case("one of several names is enough; without names nothing verifies")
def _():
    equal(talk("good", wanted("", "v", ["not.example", HOST]))[0]["verified"], "v")
    facts, _ = talk("good", wanted(HOST, "o"))
    equal((facts["verified"], facts["why"]), ("u", "no name to look for in the certificate"))
    contains(talk("good", wanted(HOST, "v"))[0], "no name to look for")


@case("no SNI where there is no name")
def _():
    equal(talk("good", wanted("", "o", [HOST]))[1], [None])


# --- DANE -------------------------------------------------------------------------------------------------------------------

def der(which):
    return openssl("x509", "-in", HOSTS[which][0], "-outform", "DER")


def spki(pem):
    return openssl("pkey", "-pubin", "-outform", "DER", text=openssl("x509", "-in", pem, "-noout", "-pubkey"))


def forms(certificate, key):
    for selector, content in ((0, certificate), (1, key)):
        yield selector, 0, content
        yield selector, 1, hashlib.sha256(content).digest()
        yield selector, 2, hashlib.sha512(content).digest()


authority_der = openssl("x509", "-in", stranger.pem, "-outform", "DER")


@case("DANE-EE: each selector and matching type fits its certificate, and no other")
def _():
    for selector, matching, data in forms(der("unknown authority"), spki(HOSTS["unknown authority"][0])):
        equal(talk("unknown authority", wanted(HOST, "d", [HOST], [(3, selector, matching, data)]))[0]["verified"], "d", f"3 {selector} {matching}")
        contains(talk("good", wanted(HOST, "d", [HOST], [(3, selector, matching, data)]))[0], "no ")


@case("DANE-TA: each selector and matching type of the authority in the chain, with the right name")
def _():
    for selector, matching, data in forms(authority_der, spki(stranger.pem)):
        equal(talk("unknown authority", wanted(HOST, "d", [HOST], [(2, selector, matching, data)]))[0]["verified"], "d", f"2 {selector} {matching}")
        contains(talk("unknown authority", wanted("other.example", "d", ["other.example"], [(2, selector, matching, data)]))[0], "hostname mismatch")
        contains(talk("good", wanted(HOST, "d", [HOST], [(2, selector, matching, data)]))[0], "no ")


def ee(which):
    return 3, 1, 1, hashlib.sha256(spki(HOSTS[which][0])).digest()


WRONG = (3, 1, 1, b"w" * 32)
DANE = {
    "EE: another name does not matter": ("another name", [HOST], [("ee", "another name")], True),
    "EE: an end in the past does not matter": ("expired", [HOST], [("ee", "expired")], True),
    "EE: no name is needed": ("another name", [], [("ee", "another name")], True),
    "a wrong record and a right one": ("good", [HOST], [WRONG, ("ee", "good")], True),
    "wrong records only, with a chain to a known authority": ("good", [HOST], [WRONG], False),
    "usage 0 and 1 do not count": ("good", [HOST], [(1, *ee("good")[1:]), (0, 0, 1, hashlib.sha256(der("good")).digest())], False),
    "an unknown selector": ("good", [HOST], [(3, 9, 1, ee("good")[3])], False),
    "an unknown matching type": ("good", [HOST], [(3, 1, 9, ee("good")[3])], False),
    "a digest of the wrong length": ("good", [HOST], [(3, 1, 1, ee("good")[3][:31])], False),
    "unusable records beside a right one": ("good", [HOST], [(3, 9, 1, b"x"), (255, 255, 255, b"x" * 4000), ("ee", "good")], True),
    "as many wrong ones as DNS can answer, and the right one last": ("good", [HOST], [(3, 1, 1, number.to_bytes(32, "big")) for number in range(255)] + [("ee", "good")], True),
    "64 KiB of wrong ones, and the right one": ("good", [HOST], [(2, 0, 0, bytes([number]) * 4096) for number in range(15)] + [("ee", "good")], True),
    "no record": ("good", [HOST], [], False),
    "TA without a name": ("unknown authority", [], [(2, 0, 1, hashlib.sha256(authority_der).digest())], False),
    "TA of an expired certificate": ("expired", [HOST], [(2, 0, 1, hashlib.sha256(openssl("x509", "-in", place.cafile, "-outform", "DER")).digest())], False),
}
for name, (which, names, records, is_good) in DANE.items():
    @case(f"DANE, {name}: {'goes on' if is_good else 'refused'}")
    def _():
        facts, _ = talk(which, wanted(HOST, "d", names, [ee(entry[1]) if entry[0] == "ee" else entry for entry in records]))
        if is_good:
            equal(facts["verified"], "d")
        else:
            expect(isinstance(facts, str) and facts.startswith("no "), facts)


# --- protocols, ends, askers ------------------------------------------------------------------------------------------------

@case("TLS 1.2 with CBC is for mode any only; TLS 1.1 for nobody")
def _():
    def old(ciphers, version=ssl.TLSVersion.TLSv1_2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.set_ciphers(ciphers + ":@SECLEVEL=0")
        context.load_cert_chain(*HOSTS["RSA"])
        return context
    equal(talk("", wanted(HOST, "o", [HOST]), context=old("ECDHE-RSA-AES128-SHA"))[0]["cipher"], "ECDHE-RSA-AES128-SHA")
    contains(talk("", wanted(HOST, "v", [HOST]), context=old("ECDHE-RSA-AES128-SHA"))[0], "no ")
    equal(talk("", wanted(HOST, "v", [HOST]), context=old("ECDHE-RSA-AES128-GCM-SHA256"))[0]["protocol"], "TLSv1.2")
    contains(talk("", wanted(HOST, "o", [HOST]), context=old("AES128-SHA"))[0], "no ")
    contains(talk("", wanted(HOST, "o", [HOST]), context=old("ALL", ssl.TLSVersion.TLSv1_1))[0], "no ")


for name, sent in {"SMTP in the clear": b"220 hello\r\n", "nothing": b"", "half a record": b"\x16\x03\x03\x00\x50xx"}.items():
    @case(f"a host that answers the handshake with {name}, and ends: the peer's doing")
    def _():
        server, network = tcp_pair()
        with place.hand_over("tlsc", "pn-remote", network, wanted(HOST)) as asker, server:
            server.recv(4096)
            server.sendall(sent)
            with contextlib.suppress(OSError):  # tlsd may have hung up on what it got
                server.shutdown(socket.SHUT_WR)
            contains(read_facts(asker), "no ")
            equal(asker.recv(10), b"")


for user in ("pn-smtp", "pn-tls", "nobody"):
    @case(f"{user} may not ask")
    def _():
        with place.connect_as("tlsc", user) as asker:
            equal(read_facts(asker), "own this user may not ask")


@case("requests that are none")
def _():
    for sent in (b"S4:smtp,0:,", wanted("MX.host.example"), wanted(HOST, "x"), wanted(HOST, "o", ["a"] * 9), wanted(HOST, "d", [HOST], [(3, 1, 1, b"")])):
        _, network = tcp_pair()
        with place.hand_over("tlsc", "pn-remote", network, sent) as asker:
            contains(read_facts(asker), "own ")


@case("without a bundle DANE verifies, and chains do not; HUP ends it for its successor")
def _():
    place.tlsc.process.send_signal(signal.SIGHUP)
    equal(place.tlsc.process.wait(20), 0)
    pathlib.Path("empty.pem").write_text(pathlib.Path(stranger.pem).read_text())
    parts.control("cabundle", os.path.join(parts.path, "empty.pem") + "\n")
    place.start_client()
    equal(talk("good", wanted(HOST, "o", [HOST]))[0]["verified"], "u")
    equal(talk("unknown authority", wanted(HOST, "v", [HOST]))[0]["verified"], "v")
    equal(talk("good", wanted(HOST, "d", [HOST], [ee("good")]))[0]["verified"], "d")


@case("a bundle that cannot be read is an error at the start")
def _():
    parts.control("cabundle", "/nowhere/bundle.pem\n")
    try:
        place.start_client()
    except AssertionError as error:
        contains(str(error), "control/cabundle")
    else:
        raise AssertionError("it started")


@case("nobody died")
def _():
    expect("event=died" not in place.tlsc.log(), place.tlsc.log)


finish()
