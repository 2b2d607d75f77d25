#!/usr/bin/env python3
"""remote and STARTTLS: kinds of host by policies of control/tlspolicy, each pair a case, with what arrived and how; connections
that are used again, other hosts, a tlsd that is away."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent), str(here), str(here.parent / "auth")]
from check import case, contains, equal, finish  # noqa: E402  pylint: disable=wrong-import-position
from parts import Parts  # noqa: E402  pylint: disable=wrong-import-position
from remoting import Peer, Place, addresses, mx  # noqa: E402  pylint: disable=wrong-import-position
from tls_place import Authority, TlsPlace  # noqa: E402  pylint: disable=wrong-import-position
from tls_hosts import Certificates, hear_starttls, server_context, start_tls, tls_script  # noqa: E402  pylint: disable=wrong-import-position

POLICIES = ("none", "may", "encrypt", "verify", "dane")  # nobody has TLSA records here: dane is as may


def plain(session):
    session.greet()
    session.serve()


def refusing(session):
    session.greet(features=("STARTTLS", "PIPELINING"))
    session.serve({"STARTTLS": "454 4.7.0 TLS not available"})


def wanting(certificate):
    """In the clear it takes nothing."""
    over_tls = tls_script(certificate)

    def script(session):
        def on_mail(_):
            return None if getattr(session, "is_encrypted", False) else "530 5.7.0 Must issue a STARTTLS command first"
        serve = session.serve
        session.serve = lambda answers=None: serve({"MAIL": on_mail, **(answers or {})})
        over_tls(session)
    return script


def injecting(session):
    hear_starttls(session)
    session.say("220 go ahead\r\n250-peer.example\r\n250 AUTH PLAIN")
    session.hear()
    session.serve()


def babbling(session):
    """Goes on in the clear, as if nothing were. Without TLS it is a good host."""
    session.greet(features=("STARTTLS", "PIPELINING"))

    def turn(_):
        return "220 go ahead"
    session.serve({"STARTTLS": turn})


def cutting(session):
    session.greet(features=("STARTTLS", "PIPELINING"))

    def cut(_):
        session.say("220 go ahead")
        raise EOFError
    session.serve({"STARTTLS": cut})


def late(certificate):
    """Shakes hands and leaves."""
    context = server_context(certificate)

    def script(session):
        session.greet(features=("STARTTLS", "PIPELINING"))

        def turn(_):
            session.say("220 go ahead")
            start_tls(session, context)
            raise EOFError
        session.serve({"STARTTLS": turn})
    return script


def truncating(certificate):
    """The connection is cut below TLS in the middle of the last reply."""
    context = server_context(certificate)

    def script(session):
        session.greet(features=("STARTTLS", "PIPELINING"))

        def cut(_):
            session.stream.sendall(b"250 2.0.0 tak")
            session.stream.unwrap = None
            raw = socket.socket(fileno=os.dup(session.stream.fileno()))
            raw.shutdown(socket.SHUT_RDWR)
            raw.close()
            raise EOFError

        def turn(_):
            session.say("220 go ahead")
            start_tls(session, context)
            session.hear()
            session.say("250 peer.example")
            session.serve({"DOT": cut})
        session.serve({"STARTTLS": turn, "DOT": "250 2.0.0 taken"})
    return script


# what becomes of mail under each policy: clear, tls (untrusted), verified, or how it is deferred. A certificate that would have passed is
# said to be verified where nobody asked for that, too.
CLEAR, TLS, GOOD = "clear", "tls", "verified"
KINDS = {
    "good": ("tls_script", "good", (CLEAR, GOOD, GOOD, GOOD, GOOD)),
    "other-name": ("tls_script", "elsewhere", (CLEAR, TLS, TLS, "4.7.5", TLS)),
    "self-signed": ("tls_script", "stranger", (CLEAR, TLS, TLS, "4.7.5", TLS)),
    "plain": (plain, None, (CLEAR, CLEAR, "4.7.10", "4.7.10", CLEAR)),
    "refusing": (refusing, None, (CLEAR, CLEAR, "4.7.0", "4.7.0", CLEAR)),
    "wanting": (wanting, "wanting", ("4.7.0", GOOD, GOOD, GOOD, GOOD)),
    "injecting": (injecting, None, (None, "4.7.0", "4.7.0", "4.7.0", "4.7.0")),
    "babbling": (babbling, None, (CLEAR, CLEAR, "4.7.5", "4.7.5", CLEAR)),
    "cutting": (cutting, None, (CLEAR, CLEAR, "4.7.5", "4.7.5", CLEAR)),
    "late": (late, "late", (CLEAR, CLEAR, "4.4.2", "4.4.2", CLEAR)),
    "truncating": (truncating, "truncating", (CLEAR, "4.4.2", "4.4.2", "4.4.2", "4.4.2")),
}


def tcp_sockets(pid):
    """Of its descriptors, those that are TCP connections."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        inodes |= {f"socket:[{line.split()[9]}]" for line in lines}
    folder = pathlib.Path(f"/proc/{pid}/fd")
    return [os.readlink(entry) for entry in folder.iterdir() if os.readlink(entry) in inodes]


def hang_up(listener):
    """A tlsd that takes the request and dies of it."""
    while True:
        try:
            stream, _ = listener.accept()
        except OSError:
            return
        stream.recv(65536)
        stream.close()


class World:
    def __init__(self, parts, folder):
        tls = TlsPlace(parts, with_certificates=False)
        tls.start_client()
        self.tlsc = tls.tlsc
        self.good, self.strange = Certificates(folder, tls.authority), Certificates(folder, Authority(folder, "stranger"))
        lines = [f"{kind}-{policy}.example:{policy}" for kind in KINDS for policy in POLICIES]
        self.place = Place(parts, timeoutremote="5", tlspolicy="\n".join(lines + ["may", "must.example:encrypt", "next.example:verify"]))
        self.peers, self.number = {}, 1

    def host(self, name, script, domain=None):
        """A host with an address of its own, and maybe a domain that it is the MX of."""
        self.number += 1
        address = f"127.0.3.{self.number}"
        self.place.dns.table["a", name] = addresses(address)
        if domain:
            self.place.dns.table["mx", domain] = mx((10, name))
        self.peers[name] = Peer(address, self.place.port, script)
        return self.peers[name]

    def certificate(self, name, how="good"):
        if how == "elsewhere":
            return self.good.certificate("elsewhere.example")
        return (self.strange if how == "stranger" else self.good).certificate(name)

    def deliver(self, domain, text=b"Subject: x\n\nhello\n"):
        identity = self.place.message("a@" + domain, text=text)
        outcome = self.place.sender.deliver(identity, domain)[0]
        self.place.sender.forget(identity, 0)
        return outcome


def what_became(outcome):
    letter, text, _ = outcome
    if letter not in "YP":
        return text.split(" ")[0]
    return CLEAR if " (" not in text else GOOD if " verified) said: " in text else TLS


with tempfile.TemporaryDirectory() as folder, Parts() as parts:
    world = World(parts, folder)
    for kind, (make, certificate, _) in KINDS.items():
        name = f"mx.{kind}.example"
        made = tls_script if make == "tls_script" else make
        world.host(name, made if certificate is None else made(world.certificate(name, certificate)))
        for policy in POLICIES:
            world.place.dns.table["mx", f"{kind}-{policy}.example"] = mx((10, name))

    for kind, (_, _, wanted) in KINDS.items():
        for policy, want in zip(POLICIES, wanted):
            if want is None:
                continue

            @case(f"a host that is {kind}, policy {policy}: {want}")
            def _(kind=kind, policy=policy, want=want):
                outcome = world.deliver(f"{kind}-{policy}.example")
                equal(what_became(outcome), want, str(outcome))
                if outcome[0] == "Z":
                    equal(outcome[2], "d", "whose trouble it is")
                if want.startswith("4.7") and policy in ("encrypt", "verify") and kind != "injecting":
                    contains(outcome[1], f"(control/tlspolicy says {policy})")

    @case("what a host injects behind its 220 is not taken: nothing is sent to it any more")
    def _():
        for session in world.peers["mx.injecting.example"].sessions:
            equal([line for line in session.lines if "STARTTLS" not in line and not line.startswith("EHLO")], [])

    @case("a truncated reply is no reply: the message is deferred, and the report says that it may arrive")
    def _():
        contains(world.deliver("truncating-may.example")[1], "may arrive all the same")

    @case("a failed handshake and its second try in the clear are in the log")
    def _():
        contains(world.place.spawner.log(), "no-tls host=mx.babbling.example[")
        contains(world.place.spawner.log(), "effect=in\\x20the\\x20clear")

    @case("over TLS EHLO is said again, and what was offered before counts no more")
    def _():
        host = world.host("mx.again.example", tls_script(world.certificate("mx.again.example"), ("8BITMIME", "SIZE 3")), "again.example")
        equal(what_became(world.deliver("again.example")), GOOD)
        lines = host.sessions[0].lines
        equal(lines[0:3:2] + lines[3:4], ["EHLO mini.example", "EHLO mini.example", "MAIL FROM:<me@x.example>"])

    @case("a connection over TLS serves the next message, with no handshake of its own and no copy of the network's socket")
    def _():
        host = world.host("mx.kept.example", tls_script(world.certificate("mx.kept.example")), "kept.example")
        before = set(world.place.remotes())
        for _ in range(3):
            equal(what_became(world.deliver("kept.example")), GOOD)
        equal((len(host.sessions), len(host.messages())), (1, 3))
        own, = set(world.place.remotes()) - before
        equal(tcp_sockets(own), [])

    @case("the next host is asked where one cannot do what must be")
    def _():
        good = world.host("b.next.example", tls_script(world.certificate("b.next.example")))
        world.host("a.next.example", tls_script(world.certificate("a.next.example", "stranger")))
        world.place.dns.table["mx", "next.example"] = mx((10, "a.next.example"), (20, "b.next.example"))
        outcome = world.deliver("next.example")
        contains(outcome[1], "2.0.0 b.next.example[")
        equal((what_became(outcome), len(good.messages())), ("verified", 1))

    @case("by hand it connects to tlsd before it is confined")
    def _():
        world.host("mx.hand.example", tls_script(world.certificate("mx.hand.example")), "hand.example")
        identity = world.place.message("a@hand.example").decode()
        with open(parts.queued()[identity], "rb") as file:
            done = subprocess.run([parts.program("remote/remote"), "hand.example"], stdin=file, capture_output=True, text=True, check=False, timeout=60,
                                  user="pn-remote", group="pn-remote", extra_groups=[])
        contains(done.stdout, "Y 0 2.0.0 mx.hand.example[")
        contains(done.stdout, "(TLSv1.3 ")
        contains(done.stderr, "tls host=mx.hand.example[")

    @case("a tlsd that breaks off is this host's trouble where TLS must be, and none where it may")
    def _():
        world.host("mx.must.example", tls_script(world.certificate("mx.must.example")), "must.example")
        world.host("mx.fine.example", tls_script(world.certificate("mx.fine.example")), "fine.example")
        os.rename("run/tlsc/s", "run/tlsc/away")
        listener = parts.listen("tlsc")
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        outcome = world.deliver("must.example")
        equal((outcome[0], outcome[1].split(" ")[0], outcome[2]), ("Z", "4.3.0", "m"), str(outcome))
        equal(what_became(world.deliver("fine.example")), CLEAR)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        os.rename("run/tlsc/away", "run/tlsc/s")

    @case("so is one that is away; mail goes over TLS again when it is back")
    def _():
        os.rename("run/tlsc/s", "run/tlsc/away")
        outcome = world.deliver("must.example")
        equal((outcome[0], outcome[1].split(" ")[0], outcome[2]), ("Z", "4.3.0", "m"), str(outcome))
        contains(outcome[1], "TLS cannot be had here")
        equal(what_became(world.deliver("good-may.example")), CLEAR)
        contains(world.place.spawner.log(), "no-tls host=mx.good.example[")
        os.rename("run/tlsc/away", "run/tlsc/s")
        equal(what_became(world.deliver("must.example")), GOOD)

finish()
