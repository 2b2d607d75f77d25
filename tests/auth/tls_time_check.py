#!/usr/bin/env python3
"""tlsd and tlskeyd under a clock that the test puts forward: hours, days and time limits of the real programs, without waiting

Each is woken by what would come anyway (a connection, a byte), and then finds that it is later than it was.
"""
import atexit
import hmac
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, netstring  # noqa: E402

WHY_NOT = "takes root" if os.geteuid() != 0 else "a sanitizer wants to be loaded first" if "san" in os.environ.get("BUILD", "") else ""
if WHY_NOT:
    @case("hours, days and time limits of tlsd and tlskeyd")
    def _():
        skip("NOT SHOWN: " + WHY_NOT)
    finish()

from moved_clock import MovedClock  # noqa: E402
from tls_place import TlsPlace, memory_of, openssl, read_facts, tcp_pair  # noqa: E402

SERVICE = netstring(b"smtp") + netstring(b"192.0.2.1")
HOUR, DAY = 3600, 86400

parts = Parts().__enter__()
atexit.register(parts.__exit__)
clock = MovedClock(parts.path)
place = TlsPlace(parts)
place.start_server(clock.wrapper)


def children():
    pid = place.tlsd.process.pid
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def look_at_the_clock():
    """tlsd looks before each wait, behind the line of its log; so the second line says that it has."""
    for _ in range(2):
        count = place.tlsd.log().count("certificates number=")
        place.tlsd.process.send_signal(signal.SIGHUP)
        place.tlsd.wait_log("certificates number=", count=count + 1)


def advance(seconds):
    clock.advance(seconds)
    look_at_the_clock()


# --- tickets ----------------------------------------------------------------------------------------------------------------

context = place.context()


def ticket(session=None):
    """A connection, which resumes that session or begins one: (was it resumed, the session that the server gave)"""
    with place.server_side(context=context, session=session) as (client, asker, facts):
        asker.sendall(b"x")
        client.recv(1)  # tickets came before it
        equal(client.session_reused, facts["resumed"] == "R")
        return client.session_reused, client.session


@case("a ticket of this hour and of the hour before is taken, and one of the hour before exchanged; one of two hours before is not")
def _():
    advance(HOUR - 20)
    _, first = ticket()  # 20 seconds before the keys roll
    expect(ticket(first)[0], "within the hour")
    advance(40)
    is_resumed, second = ticket(first)
    expect(is_resumed, "of the hour before")
    advance(HOUR)  # now it is old by an hour and 20 seconds, and the session itself would be good for two hours
    equal(ticket(first)[0], False, "of two hours before")
    expect(ticket(second)[0], "the one that was got for it")


def derived(secret, what):
    return hmac.digest(secret, what + b" smtp", "sha256")


def secrets_in(memory, name):
    """What tickets of that name are made from, wherever it lies in a memory"""
    windows = {memory[at : at + 32] for at in range(0, len(memory) - 32, 8)}
    return [window for window in windows if len(set(window)) > 20 and derived(window, b"name")[:16] == name]  # it is random


def ticket_name():
    """The first 16 bytes of a ticket as openssl keeps it"""
    path = os.path.join(parts.path, "session.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-CAfile", place.cafile, "-sess_out", path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            network, _ = listener.accept()
            with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker:
                expect(isinstance(read_facts(asker), dict), "no facts")
                asker.sendall(b"behind the ticket\n")
                client.stdout.readline()
            client.kill()
    text = openssl("sess_id", "-in", path, "-noout", "-text").decode()
    return bytes.fromhex(re.search(r"session ticket:\n\s+0000 - ([0-9a-f -]{47})", text)[1].replace("-", " "))


@case("what tickets are made from is in tlsd alone; a connection has its own service's keys in the handshake only; two rolls later they are nowhere")
def _():
    name, pid = ticket_name(), place.tlsd.process.pid
    (secret,) = secrets_in(memory_of(pid), name)
    keys = [derived(secret, b"cipher"), derived(secret, b"mac")]

    client, network = tcp_pair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = place.context().wrap_bio(incoming, outgoing, server_hostname=parts.me)

    def say():
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return True
        finally:
            client.sendall(outgoing.read())
        return False

    with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker, client:
        expect(say(), "a hello")
        answer = client.recv(65536)
        (child,) = children()
        memory = memory_of(child)
        expect(all(key in memory for key in keys), "in the handshake the keys were not found where they are used")
        equal(secrets_in(memory, name), [], "a connection has what all services' keys are made from")
        incoming.write(answer)
        while say():
            incoming.write(client.recv(65536))
        expect(isinstance(read_facts(asker), dict), "no facts")
        memory = memory_of(child)
        expect(not any(key in memory for key in keys), "behind the handshake a connection has keys of tickets")
        advance(HOUR + 10)
        expect(secret in memory_of(pid), "one roll later it is not there, and its tickets are not taken")
        advance(HOUR + 10)
        for process in (pid, child):
            memory = memory_of(process)
            expect(secret not in memory and not any(key in memory for key in keys), f"two rolls later, in {process}")


# --- limits of a connection ----------------------------------------------------------------------------------------------------

def ends_of(how):
    return len(re.findall(rf"event=end [^\n]*how={how} ", place.tlsd.log()))


def wait_end(how, count):
    place.tlsd.wait_log(rf"event=end [^\n]*how={how} ", count=count)


@case("a connection ends 30 s after its plaintext's side closed, though the client stays and talks")
def _():
    count = ends_of("timeout")
    with place.server_side() as (client, asker, _):
        asker.close()
        equal(client.recv(10), b"")  # close_notify: tlsd has seen it
        clock.advance(29)
        client.sendall(b"still there?")
        with place.server_side() as (other, _, _):
            other.sendall(b"one more")
        equal(ends_of("timeout"), count, "it has ended before its time")
        clock.advance(2)
        client.sendall(b"and now?")
        wait_end("timeout", count + 1)
        try:
            while True:
                client.sendall(b"to nobody")
        except OSError:
            pass


def wait_for_bytes_taken(client):
    """What was sent has been read at the other end: nothing is unacknowledged, and nothing lies in the other's socket."""
    own, other = client.getsockname()[1], client.getpeername()[1]
    rows = [rf":{own:04X} \w+:{other:04X} 01 (\w+):\w+", rf":{other:04X} \w+:{own:04X} 01 \w+:(\w+)"]
    while any(int(re.search(row, pathlib.Path("/proc/net/tcp").read_text())[1], 16) for row in rows):
        os.sched_yield()


@case("a handshake ends after 60 s, though bytes of it still come one by one")
def _():
    client, network = tcp_pair()
    with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker, client:
        asker.settimeout(20)
        for byte in (b"\x16", b"\x03", b"\x01"):
            client.sendall(byte)
            wait_for_bytes_taken(client)
            clock.advance(19)
        equal(select.select([asker], [], [], 0)[0], [], "it has ended before its time")
        clock.advance(4)
        client.sendall(b"\x00")
        equal(read_facts(asker), "no the handshake takes too long")
        equal(asker.recv(10), b"")


# --- days ------------------------------------------------------------------------------------------------------------------------

def anybody():
    """Trusts whoever it is: by the moved clock certificates end."""
    loose = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    return loose


def days_said(file):
    return [int(days) for days in re.findall(rf"event=expiry file={file} state=\S+ days=(\d+)", place.tlsd.log())]


@case("each day the log says which certificates end within 30 days, by themselves, until they have ended")
def _():
    place.certificate("short", ["short.example"], days=40 + (clock.ahead // 1000) // DAY)
    look_at_the_clock()
    equal(days_said("short.pem"), [])
    clock.advance(10 * DAY)
    said = []
    for _ in range(4):
        with place.server_side(context=anybody()):
            place.tlsd.wait_log("event=expiry file=short.pem ", count=len(said) + 1)
        now = days_said("short.pem")
        equal(len(now), len(said) + 1)
        said = now
        with place.server_side(context=anybody()):  # a further look on the same day says nothing
            pass
        equal(days_said("short.pem"), said)
        clock.advance(DAY)
    equal([said[0] - day for day in said], [0, 1, 2, 3])
    contains(place.tlsd.log(), "file=short.pem state=ends\\x20within\\x2030\\x20days")
    clock.advance(20 * DAY)
    with place.server_side(context=anybody()):
        place.tlsd.wait_log(r"event=expiry file=short.pem state=ends\\x20within\\x207\\x20days")
    clock.advance(10 * DAY)
    with place.server_side(context=anybody()):
        place.tlsd.wait_log(r"event=expiry file=short.pem state=expired$")


@case("the client's side ends after a day, and takes up its bundle anew")
def _():
    place.start_client(clock.wrapper)
    process = place.tlsc.process
    clock.advance(DAY - 60)
    place.connect_as("tlsc", "pn-remote").close()
    with place.connect_as("tlsc", "nobody") as asker:
        equal(read_facts(asker), "own this user may not ask")
    equal(process.poll(), None)
    clock.advance(120)
    place.connect_as("tlsc", "nobody").close()
    equal(process.wait(20), 0)


@case("65 s after a key was taken away it signs no more, and its bytes are nowhere in tlskeyd")
def _():
    pid, path = place.keyd.process.pid, pathlib.Path("tls/keys/host-ecdsa.pem")
    pem = openssl("pkey", "-in", path, "-text", "-noout").decode()
    private = bytes.fromhex("".join(pem.partition("priv:")[2].partition("pub:")[0].split()).replace(":", ""))[-32:]
    forms = {"big-endian": private, "little-endian": private[::-1], "PEM": path.read_bytes()[40:80]}
    expect(forms["little-endian"] in memory_of(pid), "the key was not found where it must be")
    path.unlink()
    place.hang_up()
    clock.advance(30)
    with place.server_side(context=anybody()) as (client, _, facts):  # a handshake under way
        contains(facts["cipher"], "TLS_")
        contains(openssl("x509", "-noout", "-text", text=ssl.DER_cert_to_PEM_cert(client.getpeercert(True)).encode()).decode(), "id-ecPublicKey")
    clock.advance(40)
    place.connect_as("tlskeyd", "nobody").close()
    place.keyd.wait_log("event=wiped number=1")
    memory = memory_of(pid)
    for form, content in forms.items():
        expect(content not in memory, f"the key is still there, {form}")


@case("nobody died")
def _():
    expect("event=died" not in place.tlsd.log(), place.tlsd.log)


finish()
