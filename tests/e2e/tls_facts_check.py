#!/usr/bin/env python3
"""tls_facts_check - what every port that speaks TLS offers, as openssl s_client says it: printed, and held against the rules

TLS 1.2 and 1.3 only, forward secrecy, no compression, no renegotiation, no early data; an ECDSA and an RSA certificate side
by side; a session is resumed within a service and never at another one.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish
from postern import Instance

STARTTLS = {"smtpd": "smtp", "submission": "smtp", "submissions": "", "pop3": "pop3", "pop3s": ""}
WEAK = re.compile(r"NULL|EXP|RC4|DES|MD5|IDEA|SEED|CAMELLIA|ARIA|PSK|SRP|^A(DH|ECDH)|CCM")
weakest = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"  # what a client offers that takes anything

with tempfile.TemporaryDirectory(prefix="postern-test.") as place, Instance(users=("alice",)) as mail:
    ports = {name: port for name, port in mail.ports.items() if name in STARTTLS}

    def command(service, *options):
        starttls = ["-starttls", STARTTLS[service], "-name", "client.example"] if STARTTLS[service] else []
        return ["openssl", "s_client", "-connect", f"127.0.0.1:{ports[service]}", "-CAfile", mail.env["CAFILE"], *starttls, *options]

    def connect(service, *options):
        """What openssl says of one connection; the session ends with QUIT."""
        done = subprocess.run(command(service, "-ign_eof", *options), input=b"QUIT\r\n", capture_output=True, check=False, timeout=60)
        return (done.stdout + done.stderr).decode("utf-8", "backslashreplace")

    def renegotiate(service):
        """What openssl says when it asks for a new handshake; it ends when that is refused."""
        with subprocess.Popen(command(service, "-tls1_2"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            alarm = threading.Timer(30, child.kill)
            alarm.start()
            output = b""
            for line in iter(child.stdout.readline, b""):
                output += line
                if b"Extended master secret" in line if STARTTLS[service] else line.startswith((b"220", b"+OK")):
                    child.stdin.write(b"R\n")
                    child.stdin.flush()
            alarm.cancel()
            return output.decode("utf-8", "backslashreplace")

    def chosen(output):
        """(protocol, cipher) that was agreed on, or nothing."""
        found = re.search(r"^(?:New|Reused), (\S+), Cipher is (\S+)", output, re.M)
        return None if not found or found[2] == "(NONE)" else (found[1], found[2])

    def says(output, part, what=""):
        expect(part in output, lambda: f"{what} no {part!r}: {re.findall(r'^(?:New|Reused|Peer sig|Verif|.*error:).*', output, re.M)}")

    def ciphers(service, version, option, every):
        """All that the service agrees to, in the order in which it prefers them."""
        agreed = []
        while True:
            offered = [cipher for cipher in every if cipher not in agreed]
            found = offered and chosen(connect(service, version, option, ":".join(offered) + ("" if version == "-tls1_3" else ":@SECLEVEL=0")))
            if not found:
                return agreed
            agreed.append(found[1])

    every_1_2 = subprocess.check_output(["openssl", "ciphers", "-s", "-tls1_2", weakest], text=True).strip().split(":")
    every_1_3 = [f"TLS_{name}" for name in ("AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "AES_128_GCM_SHA256", "AES_128_CCM_SHA256", "AES_128_CCM_8_SHA256")]

    @case("every service that shall speak TLS is there")
    def _():
        expect({"smtpd", "submission", "submissions"} <= set(ports), str(sorted(ports)))

    for service in ports:

        @case(f"{service}: TLS 1.2 and 1.3, and no older version")
        def _():
            facts = {version: chosen(connect(service, "-" + version, "-cipher", weakest)) for version in ("tls1", "tls1_1", "tls1_2", "tls1_3")}
            print(f"  {service}: " + ", ".join(f"{version}: {fact[1] if fact else 'refused'}" for version, fact in facts.items()), flush=True)
            equal([version for version, fact in facts.items() if fact], ["tls1_2", "tls1_3"])

        @case(f"{service}: ciphers with forward secrecy only, for strangers' old clients with CBC at most")
        def _():
            old, new = ciphers(service, "-tls1_2", "-cipher", every_1_2), ciphers(service, "-tls1_3", "-ciphersuites", every_1_3)
            print(f"  {service}: TLS 1.2: {' '.join(old)}\n  {service}: TLS 1.3: {' '.join(new)}", flush=True)
            expect(old and new, "none")
            equal([cipher for cipher in old + new if WEAK.search(cipher)], [])
            equal([cipher for cipher in old if not cipher.startswith("ECDHE-")], [])
            if service != "smtpd":
                equal([cipher for cipher in old if not re.search("GCM|CHACHA20", cipher)], [])

        @case(f"{service}: an ECDSA and an RSA certificate, both of the authority that the client knows; no compression")
        def _():
            for version in ("-tls1_2", "-tls1_3"):
                for kind, algorithms in (("ECDSA", "ecdsa_secp256r1_sha256"), ("RSA-PSS", "rsa_pss_rsae_sha256")):
                    output = connect(service, version, "-sigalgs", algorithms, "-verify_return_error", "-verify_ip", "127.0.0.1")
                    says(output, f"Peer signature type: {kind}")
                    says(output, "Verification: OK")
                    says(output, "Compression: NONE")
            key = re.search(r"^Server Temp Key: (.*)$", connect(service), re.M)
            print(f"  {service}: key exchange {key and key[1]}", flush=True)

        @case(f"{service}: no renegotiation")
        def _():
            output = renegotiate(service)
            says(output, "RENEGOTIATING")
            says(output, "no renegotiation")

    def saved_session(service, version):
        path = f"{place}/{service}{version}"
        output = connect(service, version, "-sess_out", path)
        expect(chosen(output), lambda: output[-300:])
        return path if os.path.exists(path) else None, output

    for service in ports:

        @case(f"{service}: a session of TLS 1.3 is resumed there, without early data, and nowhere else")
        def _():
            session, output = saved_session(service, "-tls1_3")
            expect(session, "no session was given")
            says(connect(service, "-tls1_3", "-sess_in", session), "Reused, TLSv1.3")
            expect(not re.search(r"Max Early Data: [1-9]", output), "early data")
            for other in ports:
                if other != service:
                    says(connect(other, "-tls1_3", "-sess_in", session), "New, TLSv1.3", other)

        @case(f"{service}: a session of TLS 1.2 is resumed nowhere else, if at all")
        def _():
            session, _ = saved_session(service, "-tls1_2")
            if not session:
                return
            for other in ports:
                output = connect(other, "-tls1_2", "-sess_in", session)
                expect(chosen(output), lambda: output[-300:])
                if other != service:
                    says(output, "New, TLSv1.2", other)

    @case("on port 25 and 587 there is no TLS before STARTTLS, and on 465 no word before TLS")
    def _():
        for service in ports:
            plain = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{ports[service]}"], input=b"", capture_output=True, check=False, timeout=60)
            equal(chosen(plain.stdout.decode("utf-8", "backslashreplace")) is not None, not STARTTLS[service], service)

finish()
