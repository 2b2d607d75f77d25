#!/usr/bin/env python3
"""Mail leaves over TLS: a complete instance, signed and unsigned zones, hosts with good and strange certificates, a Postfix, and an
attacker between remote and the host who strips STARTTLS, injects before and behind it, and cuts. What control/tlspolicy says holds."""
import os
import pathlib
import select
import socket
import sys
import tempfile
import threading

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "remote"), str(here.parent / "auth")]
import hosts  # noqa: E402  pylint: disable=wrong-import-position
from others import Postfix, why_not  # noqa: E402  pylint: disable=wrong-import-position
from postern import Instance, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from remoting import Peer  # noqa: E402  pylint: disable=wrong-import-position
from tls_hosts import Certificates, tls_script, tlsa  # noqa: E402  pylint: disable=wrong-import-position
from tls_place import Authority  # noqa: E402  pylint: disable=wrong-import-position
from zone import ZoneServer, is_there  # noqa: E402  pylint: disable=wrong-import-position
from check import case, contains, equal, expect, finish, skip  # noqa: E402  pylint: disable=wrong-import-position

ADDRESSES = {"postfix": "127.0.5.1", "good": "127.0.5.2", "strange": "127.0.5.3", "attacked": "127.0.5.4", "behind": "127.0.5.5"}
# policy of the domain; what becomes of its mail when the attacker does nothing, strips STARTTLS, injects in front of the handshake,
# injects behind it, cuts the connection when the message is sent. "dane" has TLSA records that are signed.
ATTACKS = ("nothing", "strip", "before", "behind", "cut")
TABLE = {
    "may": ("verified", "clear", "4.7.0", "4.4.2", "4.4.2"),
    "encrypt": ("verified", "4.7.10", "4.7.0", "4.4.2", "4.4.2"),
    "verify": ("verified", "4.7.10", "4.7.0", "4.4.2", "4.4.2"),
    "dane": ("dane", "4.7.10", "4.7.0", "4.4.2", "4.4.2"),
}


class Attacker:
    """Sits at the address of the MX and passes everything on to the host behind, but for its attack."""

    def __init__(self, address, behind):
        self.behind, self.attack = behind, "nothing"
        self.listener = socket.create_server((address, behind[1]))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                victim, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(victim, self.attack), daemon=True).start()

    def _pass_on(self, victim, attack):
        with victim, socket.create_connection(self.behind) as host:
            try:
                self._relay(victim, host, attack)
            except OSError:
                pass

    @staticmethod
    def _relay(victim, host, attack):
        is_asked, is_encrypted, sent = False, False, 0
        while True:
            for side in select.select([victim, host], [], [])[0]:
                piece = side.recv(65536)
                if not piece:
                    return
                if side is victim:
                    is_asked = is_asked or piece == b"STARTTLS\r\n"
                    sent += len(piece) if is_encrypted else 0
                    if attack == "cut" and sent > 4000:
                        host.sendall(piece[:100])
                        return
                    host.sendall(piece)
                    continue
                if attack == "strip":
                    piece = piece.replace(b"250-STARTTLS", b"250-XXXXXXXX")
                if is_asked and not is_encrypted and piece.startswith(b"220"):
                    is_encrypted = True
                    if attack == "before":
                        piece += b"250-forged.example\r\n250 AUTH PLAIN\r\n"
                elif is_encrypted and attack == "behind" and sent > 600:
                    victim.sendall(b"250 2.0.0 forged\r\n")
                victim.sendall(piece)


class Out:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        os.chmod(self.folder.name, 0o755)
        authority, stranger = Authority(self.folder.name), Authority(self.folder.name, "stranger")
        good, strange = Certificates(self.folder.name, authority), Certificates(self.folder.name, stranger)
        port = hosts.common_port(ADDRESSES.values())
        attacked = good.certificate("mx.attacked.example")
        self.postfix_pem = good.certificate("mx.postfix.example")
        os.chmod(self.postfix_pem, 0o644)
        self.peers = {"good": Peer(ADDRESSES["good"], port, tls_script(good.certificate("mx.good.example"))),
                      "strange": Peer(ADDRESSES["strange"], port, tls_script(strange.certificate("mx.strange.example"))),
                      "behind": Peer(ADDRESSES["behind"], port, tls_script(attacked))}
        self.attacker = Attacker(ADDRESSES["attacked"], (ADDRESSES["behind"], port))
        mx = "".join(f"{name}.example. MX 10 mx.{name}.example.\nmx.{name}.example. A {ADDRESSES[name]}\n" for name in ("postfix", "good", "strange"))
        plain = "mx A " + ADDRESSES["attacked"] + "\n"
        signed = f"{plain}_25._tcp.mx {tlsa(3, attacked)}\n" + "".join(f"{attack} MX 10 mx\n" for attack in ATTACKS)
        zones = {".": mx, "attacked.example.": plain, "dane.example.": signed}
        for policy in ("may", "encrypt", "verify"):  # a domain each, so that none rests for another's sake
            zones["."] += "".join(f"{attack}.{policy}.example. MX 10 mx.attacked.example.\n" for attack in ATTACKS)
        self.names = ZoneServer(zones, signing={".": "good", "dane.example.": "good"}).__enter__()
        self.mail = Instance(settings={
            "dnsforward": self.names.server, "dnsanchor": self.names.anchor, "smtpport": port, "timeoutremote": 10, "cabundle": authority.pem,
            "tlspolicy": [".may.example:may", ".encrypt.example:encrypt", ".verify.example:verify", "strange.example:verify", "postfix.example:verify"]}).__enter__()
        self.port = port
        return self

    def __exit__(self, *error):
        self.mail.__exit__(*error)
        self.names.__exit__(*error)
        for peer in self.peers.values():
            peer.close()
        self.attacker.close()
        self.folder.cleanup()

    def send(self, recipient, text="hello\n"):
        """What the log of queue-send says of it: outcome, text, tls."""
        def deliveries():
            return [line for line in self.mail.log("queue-send").splitlines() if " event=delivery " in line]
        done = len(deliveries())
        equal(self.mail.inject("-f", "alice@here.example", recipient, message=f"Subject: x\n\n{text}".encode()).returncode, 0)
        line = wait_until(lambda: deliveries()[done:], [self.mail.dir / "log/queue-send"], 30, f"a delivery to {recipient}")[0]
        return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)


def what_became(fields):
    if fields["outcome"] not in ("relayed", "passed"):
        return fields["text"].split("\\x20")[0]
    return fields.get("tls", "clear").split("\\x20")[-1]


def run(out):
    @case("a host with a good certificate, and one with a strange one, without a word of the operator and with one")
    def _():
        equal([what_became(out.send(f"a@{name}.example")) for name in ("good", "strange")], ["verified", "4.7.5"])
        out.mail.wait_for_log("remote-spawn", r"event=tls host=mx\.good\.example\[")

    @case("a log line of a delivery says protocol, cipher and how the certificate was verified")
    def _():
        contains(out.send("b@good.example")["tls"], "TLSv1.3\\x20TLS_")

    for policy, wanted in TABLE.items():
        for attack, want in zip(ATTACKS, wanted):
            @case(f"policy {policy}, the attacker does: {attack}: {want}")
            def _(policy=policy, attack=attack, want=want):
                out.attacker.attack = attack
                count = len(out.peers["behind"].messages())
                text = "a line of it\n" * 3000 if attack == "cut" else "hello\n"
                fields = out.send(f"a@{attack}.{policy}.example", text)
                expect(what_became(fields) == want, f"{fields}")
                if want.startswith("4"):
                    equal(fields["outcome"], "deferred")
                    expect("forged" not in fields["text"], fields["text"])
                if want.startswith("4.7"):
                    equal(len(out.peers["behind"].messages()), count)

    @case("nothing bounced for want of TLS")
    def _():
        equal(out.mail.messages("alice"), [])

    @case("a Postfix takes mail over TLS, verified by its certificate")
    def _():
        if why_not():
            skip(f"NOT SHOWN: {why_not()}")
        settings = [f"smtpd_tls_chain_files = {out.postfix_pem}", "smtpd_tls_security_level = encrypt"]
        with Postfix(ADDRESSES["postfix"], out.port, "postfix.example", "[127.0.0.1]:9", settings) as host:
            equal(what_became(out.send("a@postfix.example")), "verified")
            wait_until(host.messages, [host.folder], 30, "the message in its Maildir")  # its log is there, and tells
            contains(host.messages()[0].decode(), "with ESMTPS")


if is_there() and os.geteuid() == 0:
    with Out() as everything:
        run(everything)
else:
    @case("mail leaves over TLS")
    def _():
        skip("NOT SHOWN: takes root, nsd and ldnsutils")

finish()
