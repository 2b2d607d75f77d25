#!/usr/bin/env python3
"""tlsd as a server: how connections begin and end, who may ask, what is in memory, and that nothing grows"""
import atexit
import contextlib
import os
import pathlib
import select
import signal
import socket
import ssl
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, netstring, record  # noqa: E402

if os.geteuid() != 0:
    @case("connections of tlsd end as they should")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from tls_place import InBackground, TlsPlace, is_refused, memory_of, openssl, read_facts, reset, tcp_pair  # noqa: E402

SERVICE = netstring(b"smtp") + netstring(b"192.0.2.1")

parts = Parts().__enter__()
atexit.register(parts.__exit__)
place = TlsPlace(parts)
place.start_server()

@case("bytes go both ways, whole: 8 MiB in each direction at once")
def _():
    data = os.urandom(1 << 20) * 8
    with place.server_side() as (client, asker, _):
        client.settimeout(60)
        asker.settimeout(60)
        def read_all(stream):
            content = bytearray()
            while len(content) < len(data):
                content += stream.recv(65536)
            return content
        reader = InBackground(lambda: read_all(asker))
        writer = InBackground(lambda: asker.sendall(data))
        client.setblocking(False)
        sent, got = 0, bytearray()
        while sent < len(data) or len(got) < len(data):
            select.select([client], [client] if sent < len(data) else [], [], 20)
            try:
                sent += client.send(data[sent : sent + 16384])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                got += client.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        writer.result(60)
        expect(got == data and reader.result(60) == data, "bytes are wrong")


def ends(count, how):
    place.tlsd.wait_log(rf"event=end [^\n]*how={how} ", count=count + 1)


def ended(how):
    return place.tlsd.log().count(f"how={how} ")


@case("close_notify of the client ends one direction: the answer to what it said still reaches it")
def _():
    client, network = tcp_pair()
    with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker, client:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = place.context().wrap_bio(incoming, outgoing, server_hostname=parts.me)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65536))
        tls.write(b"question")
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        client.sendall(outgoing.read())
        expect(isinstance(read_facts(asker), dict), "no facts")
        equal(asker.recv(100), b"question")
        equal(asker.recv(100), b"")
        count = ended("closed")
        asker.sendall(b"answer")
        asker.close()
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            incoming.write(piece)
        ends(count, "closed")
    expect(incoming.pending > 0, "no answer")


@case("what the asker said before it closed reaches the client, then close_notify")
def _():
    with place.server_side() as (client, asker, _):
        asker.sendall(b"221 bye" * 10000)
        asker.close()
        content = b""
        while piece := client.recv(65536):  # an end without close_notify would raise
            content += piece
        equal(content, b"221 bye" * 10000)


@case("data for an asker that is gone, then close_notify: the connection has ended, and no time passes for it")
def _():
    count = ended("closed")
    with place.server_side() as (client, asker, _):
        asker.close()
        equal(client.recv(10), b"")
        client.sendall(b"nobody reads this")
        client.unwrap().close()
        ends(count, "closed")


CUTS = {"a FIN without close_notify": lambda client: client.detach() and None, "a reset": reset}
for name in CUTS:
    @case(f"{name} ends both directions, and the log says cut")
    def _():
        count = ended("cut")
        with place.server_side() as (client, asker, _):
            client.sendall(b"MAIL")
            equal(asker.recv(10), b"MAIL")
            if name == "a reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            os.close(client.detach())
            equal(asker.recv(10), b"")
            ends(count, "cut")


@case("a truncated record, then the end: not a byte of it is plaintext")
def _():
    client, network = tcp_pair()
    with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker:
        tls = place.context().wrap_socket(client, server_hostname=parts.me)
        read_facts(asker)
        raw = socket.socket(fileno=os.dup(tls.fileno()))
        raw.sendall(b"\x17\x03\x03\x00\x40" + b"x" * 20)
        raw.shutdown(socket.SHUT_WR)
        equal(asker.recv(100), b"")
        tls.detach()
        raw.close()


@case("a record that was changed on its way ends the connection")
def _():
    with place.server_side() as (client, asker, _):
        with socket.socket(fileno=os.dup(client.fileno())) as raw:
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            equal(asker.recv(100), b"")


NO_HANDSHAKE = {
    "an SMTP command": b"EHLO x.example\r\n",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "random bytes": os.urandom(300),
    "a record of 64 KiB": b"\x16\x03\x01\xff\xff" + b"x" * 65535,
    "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nothing": b"",
}
for name, sent in NO_HANDSHAKE.items():
    @case(f"no handshake: {name}, then the end; the answer says that it is the peer's doing")
    def _():
        client, network = tcp_pair()
        with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker, client:
            client.sendall(sent)
            with contextlib.suppress(OSError):  # it was closed by then
                client.shutdown(socket.SHUT_WR)
            expect(is_refused(read_facts(asker)), "it was not refused")
            equal(asker.recv(10), b"")


@case("a silent peer holds a process until the asker goes, and no longer")
def _():
    client, network = tcp_pair()
    asker = place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE)
    asker.close()
    equal(client.recv(10), b"")
    client.close()
    place.tlsd.wait_log("event=abandoned service=smtp peer=192.0.2.1")


@case("a silent peer is refused after 60 s")
def _():
    if sys.argv[1:] != ["long"]:
        skip("takes 60 s: tlsd_ends_check.py long")
    client, network = tcp_pair()
    with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker, client:
        asker.settimeout(70)
        equal(read_facts(asker), "no the handshake takes too long")


# --- askers -----------------------------------------------------------------------------------------------------------------

for user in ("pn-remote", "pn-auth", "pn-key", "nobody"):
    @case(f"{user} may not ask")
    def _():
        with place.connect_as("tlsd", user) as asker:
            equal(read_facts(asker), "own this user may not ask")

GARBAGE = {
    "no socket": (record(b"S" + SERVICE), False),
    "a client's request": (record(b"C" + SERVICE), True),
    "an unknown service's form": (record(b"S" + netstring(b"SMTP 25") + netstring(b"")), True),
    "an empty record": (b"\0\0\0\0", True),
    "a record that is too long": (b"\0\1\0\1", True),
    "random bytes": (b"\0\0\0\x10" + os.urandom(16), True),
}
for name, (sent, with_socket) in GARBAGE.items():
    @case(f"a request that is none: {name}")
    def _():
        client, network = tcp_pair()
        with place.connect_as("tlsd", "pn-smtp") as asker, client, network:
            socket.send_fds(asker, [sent], [network.fileno()] if with_socket else [])
            expect(read_facts(asker).startswith("own "), "it was taken")


# --- memory and growth ------------------------------------------------------------------------------------------------------

def children():
    with open(f"/proc/{place.tlsd.process.pid}/task/{place.tlsd.process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def wait_for_no_children():
    """Those of an earlier case may still be ending."""
    while left := children():
        for pid in left:
            try:
                ended = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            expect(select.select([ended], [], [], 60)[0], f"{pid} does not end")
            os.close(ended)


def private_numbers():
    for name in ("host-ecdsa", "host-rsa"):
        pem = pathlib.Path(f"tls/keys/{name}.pem").read_bytes()
        text = openssl("pkey", "-noout", "-text", text=pem).decode()
        for label in ("priv:", "privateExponent:", "prime1:", "prime2:"):
            if label in text:
                lines = text.partition(label)[2].splitlines()[1:]
                digits = "".join(line.strip() for line in lines[: next((i for i, line in enumerate(lines) if not line.startswith(" ")), len(lines))])
                number = bytes.fromhex(digits.replace(":", ""))[-24:]
                yield number
                yield number[::-1]
        yield pem[60:100]


@case("no private key's byte is in a process of tlsd, during connections; in tlskeyd they are")
def _():
    secrets = list(private_numbers())
    expect(len(secrets) >= 10, secrets)
    wait_for_no_children()
    with place.server_side(), place.server_side("submission", "pn-submit"):
        pids = [place.tlsd.process.pid, *children()]
        equal(len(pids), 3)
        for pid in pids:
            memory = memory_of(pid)
            expect(len(memory) > 100_000, "no memory was read")
            for secret in secrets:
                expect(secret not in memory, f"in {pid}")
    memory = memory_of(place.keyd.process.pid)
    expect(sum(secret in memory for secret in secrets) >= 2, "tlskeyd's memory was not understood")


@case("a connection's process has no file open, no process to make and no new right: its filter, its limits")
def _():
    wait_for_no_children()
    with place.server_side():
        (child,) = children()
        links = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
        equal(sorted(link.split(":")[0] for link in links if link.startswith("socket")), ["socket"] * 2, links)
        with open(f"/proc/{child}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        equal((fields["Seccomp"].strip(), fields["NoNewPrivs"].strip(), fields["CapEff"].strip()), ("2", "1", "0" * 16))
        equal(fields["Seccomp_filters"].strip(), "2")
        with open(f"/proc/{child}/limits") as limits:
            expect(any(line.split()[:4] == ["Max", "processes", "0", "0"] for line in limits), "it may make processes")


def size(pid):
    """(KiB of its own, of PSS, descriptors, children); PSS changes with what else uses the same libraries on the machine."""
    with open(f"/proc/{pid}/status") as status, open(f"/proc/{pid}/smaps_rollup") as rollup:
        own = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
        share = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return own, share, len(os.listdir(f"/proc/{pid}/fd")), len(file.read().split())


def record_of_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        place.context().wrap_bio(incoming, outgoing, server_hostname=parts.me).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


COUNT = 10_000 if sys.argv[1:] == ["long"] else 1_000


@case(f"{COUNT} aborted handshakes, and neither tlsd nor tlskeyd has grown", seconds=600)
def _():
    hello = record_of_hello()

    def abort(number):
        client, network = tcp_pair()
        with place.hand_over("tlsd", "pn-smtp", network, b"S" + SERVICE) as asker:
            if number % 2:
                client.sendall(hello)
                client.recv(65536)
            reset(client)
            read_facts(asker)

    def sizes():
        """When all connections' processes have ended"""
        deadline = time.monotonic() + 20
        while children() and time.monotonic() < deadline:
            for child in children():
                with contextlib.suppress(ProcessLookupError), os.fdopen(os.pidfd_open(child)) as process:
                    select.select([process], [], [], 1)
        return [size(service.process.pid) for service in (place.tlsd, place.keyd)]

    for number in range(200):
        abort(number)
    before = sizes()
    began = time.monotonic()
    for number in range(COUNT):
        abort(number)
    took = time.monotonic() - began
    expect(isinstance(place.s_client()[0], dict), "no handshake any more")
    after = sizes()
    print(f"  {took / COUNT * 1000:.1f} ms each; (KiB of its own, of PSS, descriptors, children) of tlsd and tlskeyd: {before} before, {after} after", flush=True)
    for (own, _, files, offspring), (own_after, _, files_after, offspring_after) in zip(before, after, strict=True):
        expect(own_after <= own + 256 and files_after <= files + 1 and offspring_after == offspring, f"{before} to {after}")


@case("idle connections: what each takes")
def _():
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(place.server_side())
        total = 0
        for child in children():
            with open(f"/proc/{child}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        print(f"  PSS of an idle connection's process: {total // 20} kB")
        expect(total // 20 < 2000, "too much")


@case("told to stop, it does; a connection that is there goes on")
def _():
    with place.server_side() as (client, asker, _):
        place.tlsd.process.send_signal(signal.SIGTERM)
        equal(place.tlsd.process.wait(20), 0)
        client.sendall(b"still")
        equal(asker.recv(10), b"still")


@case("nobody died")
def _():
    expect("event=died" not in place.tlsd.log(), place.tlsd.log)


@case("eight crashes, and tlsd ends for a successor with another layout; who was killed did not crash; a connection that is there goes on")
def _():
    place.tlsd = parts.serve("tlsd", ["auth/tlsd", "server"], user="pn-tls")
    with place.server_side() as (client, asker, _):
        (first,) = children()
        for count, how in enumerate([signal.SIGKILL, signal.SIGTERM] + [signal.SIGSEGV] * 4 + [signal.SIGABRT] * 4, 1):
            equal(place.tlsd.process.poll(), None, f"after {count - 1} deaths")
            with place.server_side():
                (victim,) = set(children()) - {first}
                os.kill(victim, how)
                place.tlsd.wait_log(rf"event=died child={victim} signal={how.value}$")
        equal(place.tlsd.process.wait(20), 0)
        contains(place.tlsd.log(), "event=renewed ")
        client.sendall(b"still")
        equal(asker.recv(10), b"still")


finish()
