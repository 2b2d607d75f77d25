#!/usr/bin/env python3
"""tlsd as a server, with openssl and Python's ssl as clients: what it speaks, whom it shows what, and sessions that are resumed"""
import atexit
import hashlib
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, netstring  # noqa: E402

if os.geteuid() != 0:
    @case("tlsd speaks TLS")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from tls_place import TlsPlace, is_refused, openssl, read_facts, tcp_pair  # noqa: E402

SERVICE = netstring(b"smtp") + netstring(b"192.0.2.1")

parts = Parts().__enter__()
atexit.register(parts.__exit__)
place = TlsPlace(parts)
place.certificate("other", ["other.example", "*.wild.example"])
place.start_server()

# --- protocols and ciphers --------------------------------------------------------------------------------------------------

for version, words in {"SSL 3": ["-ssl3"], "TLS 1.0": ["-tls1"], "TLS 1.1": ["-tls1_1"]}.items():
    @case(f"{version} is not spoken")
    def _():
        if version == "SSL 3":
            hello = b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00" + b"r" * 32 + b"\x00\x00\x04\xc0\x14\x00\x35\x01\x00"
            client, network = tcp_pair()
            with client, place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker:
                client.sendall(hello)
                expect(is_refused(read_facts(asker)), "it was not refused")
            return
        facts, output = place.s_client(*words, "-cipher", "ALL:@SECLEVEL=0")
        expect(is_refused(facts), facts)
        contains(output, "alert protocol version")

ACCEPTED = {
    "TLS_AES_128_GCM_SHA256": ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
    "TLS_CHACHA20_POLY1305_SHA256": ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
    "ECDHE-ECDSA-AES128-GCM-SHA256": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    "ECDHE-RSA-AES256-GCM-SHA384": ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"],
    "ECDHE-RSA-CHACHA20-POLY1305": ["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"],
}
for cipher, words in ACCEPTED.items():
    @case(f"{cipher} is spoken, and the certificate verifies")
    def _():
        facts, output = place.s_client(*words, "-servername", parts.me, "-verify_return_error", "-verify_hostname", parts.me, service="submission")
        equal(facts["cipher"], cipher)
        contains(output, "Verify return code: 0 (ok)")
        contains(output, "Compression: NONE")
        expect(len(facts["exporter"]) == 64 and len(facts["end_point"]) == 64, facts)

for cipher in ("AES128-GCM-SHA256", "AES256-SHA", "DHE-RSA-AES128-GCM-SHA256", "ADH-AES128-SHA256", "AECDH-AES128-SHA", "ECDHE-ECDSA-AES128-CCM8",
               "PSK-AES128-GCM-SHA256", "NULL-SHA256"):
    @case(f"{cipher} is not spoken, by no service")
    def _():
        for service in ("smtp", "submission"):
            facts, _ = place.s_client("-tls1_2", "-psk", "00112233", "-cipher", cipher + ":@SECLEVEL=0", service=service)
            expect(is_refused(facts), facts)


@case("CBC is for strangers' hosts on port 25 only")
def _():
    words = ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"]
    expect(place.s_client(*words)[0]["cipher"].startswith("ECDHE"), "service smtp")
    expect(is_refused(place.s_client(*words, service="submission")[0]), "service submission")


@case("signatures of every scheme: ECDSA, RSA-PSS, and PKCS #1 in TLS 1.2; not SHA-1")
def _():
    for scheme, version, cipher in (("ecdsa_secp256r1_sha256", "-tls1_3", ""), ("rsa_pss_rsae_sha256", "-tls1_3", ""), ("rsa_pss_rsae_sha384", "-tls1_3", ""),
                                    ("rsa_pss_rsae_sha512", "-tls1_3", ""), ("RSA+SHA256", "-tls1_2", "ECDHE-RSA-AES128-GCM-SHA256"),
                                    ("RSA+SHA512", "-tls1_2", "ECDHE-RSA-AES128-GCM-SHA256"), ("ECDSA+SHA384", "-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256")):
        facts, output = place.s_client(version, "-sigalgs", scheme, *(["-cipher", cipher] if cipher else []))
        expect(isinstance(facts, dict), f"{scheme}: {facts} {output[-300:]}")
    facts, _ = place.s_client("-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    expect(is_refused(facts), facts)


@case("no renegotiation: a client that wants it gets an alert, and no new handshake")
def _():
    _, output = place.s_client("-tls1_2", text="R\n")
    contains(output, "RENEGOTIATING")
    contains(output, "no renegotiation")


@case("no ticket of TLS 1.2, and no resumption with it")
def _():
    _, output = place.s_client("-tls1_2")
    expect("TLS session ticket:" not in output, output)
    equal(output.count("Session-ID: \n"), 1)


def resumed(first, second, user_first="pn-smtp", user_second="pn-smtp"):
    context = place.context()
    with place.server_side(first, user_first, context) as (client, asker, facts):
        equal(facts["resumed"], "")
        asker.sendall(b"x")
        client.recv(1)  # the ticket came before it
        session = client.session
    with place.server_side(second, user_second, context, session=session) as (client, _, facts):
        equal(client.session_reused, facts["resumed"] == "R")
        return client.session_reused


@case("a session is resumed within a service, also after HUP, and not across services")
def _():
    equal(resumed("smtp", "smtp"), True)
    equal(resumed("pop3", "pop3", "pn-login", "pn-login"), True)
    equal(resumed("smtp", "submission"), False)
    equal(resumed("submission", "smtp"), False)
    equal(resumed("pop3", "pop"), False)
    with place.server_side() as (client, asker, _):
        asker.sendall(b"x")
        client.recv(1)
        session = client.session
    place.hang_up()
    context = client.context
    with place.server_side(context=context, session=session) as (client, _, facts):
        equal((client.session_reused, facts["resumed"]), (True, "R"))


# --- certificates -----------------------------------------------------------------------------------------------------------

def shown(name, *words):
    _, output = place.s_client(*(["-servername", name] if name else ["-noservername"]), *words)
    text = openssl("x509", "-noout", "-ext", "subjectAltName", text=output.encode()).decode()
    return text.split("DNS:")[1].split(",")[0].strip()


@case("certificates by name: exactly, by a wildcard of one label, and the host's own for all others")
def _():
    for name, wanted in {"other.example": "other.example", "OTHER.example": "other.example", "a.wild.example": "other.example",
                         "a.b.wild.example": parts.me, "wild.example": parts.me, "unknown.example": parts.me, "": parts.me, parts.me: parts.me}.items():
        equal(shown(name), wanted, name)


@case("of RSA and ECDSA a client gets what it knows")
def _():
    for kind, cipher in (("rsaEncryption", "ECDHE-RSA-AES128-GCM-SHA256"), ("id-ecPublicKey", "ECDHE-ECDSA-AES128-GCM-SHA256")):
        _, output = place.s_client("-tls1_2", "-cipher", cipher, "-servername", parts.me)
        contains(openssl("x509", "-noout", "-text", text=output.encode()).decode(), f"Public Key Algorithm: {kind}")


@case("the facts: the name that was asked for, the exporter as the client has it, the certificate's hash")
def _():
    facts, output = place.s_client("-servername", "Other.Example", "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32")
    equal(facts["server_name"], "other.example")
    contains(output.lower(), "keying material: " + facts["exporter"])
    der = openssl("x509", "-outform", "DER", text=output.encode())
    equal(facts["end_point"], hashlib.sha256(der).hexdigest())


@case("HUP takes up a new certificate and a new key, and connections that are there go on")
def _():
    with place.server_side() as (client, asker, _):
        before = client.getpeercert(True)
        place.certificate("host-ecdsa", [parts.me])
        place.hang_up()
        client.sendall(b"still")
        equal(asker.recv(10), b"still")
        with place.server_side() as (second, _, _):
            expect(second.getpeercert(True) != before, "the old certificate is shown")


@case("certificates that end soon, or have ended, are said at HUP; files that are none do not count")
def _():
    place.certificate("soon", ["soon.example"], days=3)
    place.certificate("past", ["past.example"], days=-1)
    pathlib.Path("tls/certs/none.pem").write_text("nothing\n")
    place.hang_up()
    for line in ("certificate file=none.pem error=", "expiry file=past.pem state=expired", r"expiry file=soon.pem state=ends\\x20within\\x207\\x20days days="):
        place.tlsd.wait_log("event=" + line)
    equal(shown("soon.example"), "soon.example")
    for name in ("soon", "past", "none"):
        os.unlink(f"tls/certs/{name}.pem")
    place.hang_up()


@case("a certificate whose key is not there: this host's trouble, said so, and the next handshake works")
def _():
    os.rename("tls/keys/other.pem", "tls/keys/other.away")
    keyd = place.keyd
    keyd.stop()
    place.keyd = parts.serve("tlskeyd", ["auth/tlskeyd"], user="pn-key")
    facts, _ = place.s_client("-servername", "other.example")
    equal(facts, "own tlskeyd: there is no such key in tls/keys")
    equal(place.s_client("-servername", parts.me)[0]["verified"], "-")
    os.rename("tls/keys/other.away", "tls/keys/other.pem")
    place.hang_up()
    expect(isinstance(place.s_client("-servername", "other.example")[0], dict), "the key that is back")


@case("no tlskeyd: a clear answer at once, and the next handshake works when it is back")
def _():
    place.keyd.stop()
    place.keyd.listener.close()
    contains(place.s_client()[0], "own connect to run/tlskeyd/s")
    place.keyd = parts.serve("tlskeyd", ["auth/tlskeyd"], user="pn-key")
    expect(isinstance(place.s_client()[0], dict), "it does not work again")


@case("no certificate: tlsd is ready all the same, and says so to whoever asks")
def _():
    for name in os.listdir("tls/certs"):
        os.unlink(f"tls/certs/{name}")
    place.tlsd.stop()
    place.tlsd = parts.serve("tlsd", ["auth/tlsd", "server"], user="pn-tls")
    equal(place.s_client()[0], "own there is no certificate in tls/certs")


@case("nobody died")
def _():
    expect("event=died" not in place.tlsd.log(), place.tlsd.log)


finish()
