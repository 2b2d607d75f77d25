#!/usr/bin/env python3
"""pop3-login at each system call that it makes, from its start on: it fails, or it is the last. A password is never taken outside TLS,
nothing is said in the clear behind STLS, a wrong password opens nothing, a ticket is handed over once, and the client hears either pop3d,
or that it cannot be, or an end

    pop3_login_points_check.py [long]      long: every call with every error, instead of some evenly
"""
import atexit
import errno
import os
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE.parent / "auth")]
from check import case, equal, expect, finish, skip  # noqa: E402
from traced import Traced, cannot_run, errno_actions, evenly, kill_actions, says  # noqa: E402

if cannot_run():
    @case("pop3-login at every system call")
    def _():
        skip(f"NOT SHOWN: {cannot_run()}")
    finish()

from answering import becomes  # noqa: E402
from errors import CONFINES  # noqa: E402
from parts import Parts, netstring, read_exactly, record, take_fields  # noqa: E402

IS_LONG = "long" in sys.argv[1:]
MOST = 100_000 if IS_LONG else 16
EXPORTER = b"\xab" * 32
GREETING = b"+OK from pop3d\r\n"
KINDS = {"pop3-login": [], "pop3-login with TLS at once": ["tls"]}
FOUND = {  # what this found once: what is so now, and where: kind, call, error
    "who does not hear what became of the hand-over says nothing where pop3d may speak": ("pop3-login", "read", "EIO"),
}
parts = Parts().__enter__()
atexit.register(parts.__exit__)


def scrambled(content):
    """The test's TLS: no byte of it is one of what is said in the clear."""
    return bytes(byte ^ 0x80 for byte in content)


class Neighbours:
    """tlsd, authd and login, which write down what they are asked."""

    def __init__(self):
        self.asked, self.given, self.handed = [], [], []
        self.listeners = {name: parts.listen(name) for name in ("tlsd", "authd", "login")}
        for name, listener in self.listeners.items():
            threading.Thread(target=self.accept, args=(listener, getattr(self, name)), daemon=True).start()

    @staticmethod
    def accept(listener, serve):
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=serve_until_it_ends, args=(serve, stream), daemon=True).start()

    def authd(self, stream):
        while True:
            letter, fields = take_fields(read_exactly(stream, int.from_bytes(read_exactly(stream, 4), "big")))
            self.asked.append((letter, fields))
            if fields[6] == b"right pass":
                self.given.append(b"%032x" % (len(self.given) + 1))
                stream.sendall(record(b"Y" + netstring(fields[5]) + netstring(self.given[-1]) + netstring(b"")))
            else:
                stream.sendall(record(b"N" + netstring(b"b") + netstring(b"wrong")))

    def login(self, stream):
        message, fds, _, _ = socket.recv_fds(stream, 1000, 4)
        if fds:
            with socket.socket(fileno=fds[0]) as client:
                if len(message) != 50:  # login wants it at once
                    return
                self.handed.append(message[16:48])
                client.sendall(GREETING)
                stream.sendall(b"Y")

    def tlsd(self, stream):
        _, fds, _, _ = socket.recv_fds(stream, 1000, 1)
        if not fds:
            return
        with socket.socket(fileno=fds[0]) as network:
            if read_exactly(network, 6) != b"HELLO\n":
                return
            facts = (b"TLSv1.3", b"CIPHER", b"", b"-", b"", b"", EXPORTER.hex().encode(), b"cd" * 32)
            stream.sendall(b"ok " + b"".join(map(netstring, facts)) + b"\n")
            there = threading.Thread(target=serve_until_it_ends, args=(lambda _: copy(network, stream), None), daemon=True)
            there.start()
            serve_until_it_ends(lambda _: copy(stream, network), None)
            network.shutdown(socket.SHUT_RDWR)
            there.join()


def copy(source, to):
    while piece := source.recv(65536):
        to.sendall(scrambled(piece))


def serve_until_it_ends(serve, stream):
    try:
        serve(stream)
    except (EOFError, OSError):
        pass
    finally:
        if stream:
            stream.close()


class Client:
    """Says what a client says, and keeps what it hears: in the clear, and behind TLS."""

    def __init__(self, stream):
        self.stream, self.is_private, self.bytes, self.clear, self.answers, self.waits = stream, False, b"", [], [], False
        stream.settimeout(20)

    def line(self):
        """The next one; None at the end."""
        while b"\n" not in self.bytes:
            try:
                piece = self.stream.recv(65536)
            except ConnectionError:
                piece = b""
            except TimeoutError:
                self.waits, piece = True, b""
            if not piece:
                return None
            self.bytes += scrambled(piece) if self.is_private else piece
        line, _, self.bytes = self.bytes.partition(b"\n")
        (self.answers if self.is_private else self.clear).append(line)
        return line

    def ask(self, text):
        try:
            self.stream.sendall(scrambled(text) if self.is_private else text)
        except ConnectionError:
            pass
        return self.line()

    def begin_tls(self):
        try:
            self.stream.sendall(b"HELLO\n")
        except ConnectionError:
            pass
        self.is_private = True

    def converse(self, has_tls_at_once):
        if not has_tls_at_once:
            if self.line() is None:
                return
            if not (self.ask(b"STLS\r\n") or b"").startswith(b"+OK"):
                self.ask(b"QUIT\r\n")
                return
        self.begin_tls()
        if has_tls_at_once and self.line() is None:
            return
        for text in (b"USER alice\r\n", b"PASS wrong pass\r\n", b"USER alice\r\n", b"PASS right pass\r\n"):
            if self.ask(text) is None:
                return
            if b"[SYS/TEMP]" in self.answers[-1]:
                self.ask(b"QUIT\r\n")
                break
        while self.line() is not None:
            pass


class Run:
    def __init__(self, kind, action):
        near.asked.clear()
        near.given.clear()
        near.handed.clear()
        here, there = socket.socketpair()
        environment = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.7"}
        with Traced(parts, "pop3-login", ["pop3d/pop3-login", *KINDS[kind]], "pn-login", action, stdin=there, stdout=there, env=environment) as traced:
            there.close()
            self.client = Client(here)
            self.client.converse(bool(KINDS[kind]))
            here.close()
            self.stays = not becomes(traced.has_ended)
        self.asked, self.given, self.handed = list(near.asked), list(near.given), list(near.handed)
        self.log, self.calls, self.hit = traced.log(), traced.calls, traced.hit
        self.code = next((end.last for end in traced.ends if end.role == "main"), None)


def trouble(run, action):
    clear, answers = run.client.clear, run.client.answers
    if any(fields[3] != EXPORTER for _, fields in run.asked):
        return f"a password was taken outside TLS: {run.asked}"
    if any(not (line + b"\n").isascii() for line in answers):
        return f"behind STLS it says in the clear: {answers}"
    if any(b"pop3d" in line for line in clear) or b"pass" in b"".join(clear):
        return f"in the clear: {clear}"
    if run.handed and (run.handed != run.given or len(run.handed) != 1):
        return f"handed over {run.handed}, given {run.given}"
    behind = answers[1:] if len(clear) == 0 else answers  # the greeting
    if len(behind) > 1 and behind[1].startswith(b"+OK"):
        return f"a wrong password: {behind}"
    end = [line for line in behind[3:] if b"Bye" not in line]
    if len(end) > 1 or (end and end[0].startswith(b"+OK") and end[0] + b"\n" != GREETING):
        return f"in the end: {end}"
    if run.client.waits or run.stays:
        return f"its client waits, or it does not end: {clear} {answers}"
    if action == "count" or action.startswith("kill"):
        return ""
    if run.code is None or run.code < 0:
        return f"it ended by a signal: {run.log[-300:]}"
    made = [call.name for call in run.calls[: run.hit.count - 1]] if run.hit else []
    if run.hit and run.hit.name in CONFINES and "umask" in made and run.code == 0:  # what libc does is in front of the umask
        return "it went on without its confinement"
    is_whole = end and end[0] + b"\n" == GREETING
    if not is_whole and not says(action, run.log):
        return f"{clear} {answers}, and nobody says why: {run.log[-300:]}"
    if action.startswith("short") and not is_whole and run.hit.name != "sendmsg":  # of which login and tlsd want it whole
        return f"a short write was not continued: {clear} {answers}"
    return ""


near = Neighbours()
for kind in KINDS:
    PLAIN = Run(kind, "count")

    @case(f"{kind} below points does what it does otherwise")
    def _():
        equal(trouble(PLAIN, "count"), "")
        equal([line[:4].strip() for line in PLAIN.client.answers][-4:], [b"+OK", b"-ERR", b"+OK", b"+OK"], str(PLAIN.client.answers))
        equal(len(PLAIN.handed), 1)
        expect(len(PLAIN.calls) > 60, str(PLAIN.calls))

    NAMES = {call.count: call.name for call in PLAIN.calls}

    def try_all(actions):
        wrong, reached = {}, 0
        for action in actions:
            run = Run(kind, action)
            reached += run.hit is not None
            why = trouble(run, action)
            if os.environ.get("VERBOSE"):
                print(f"  {action} {run.hit and run.hit.name} {run.client.clear} {run.client.answers} {run.code} {why}", flush=True)
            if why:
                wrong[f"{action} ({NAMES[int(action.split(':')[1])]})"] = why
        expect(reached >= len(actions) * 0.8, f"{reached} of {len(actions)} points were reached")
        expect(not wrong, wrong)

    for what, actions in (("killed before", kill_actions(PLAIN.calls)), ("errors of", errno_actions(PLAIN.calls))):
        chosen = evenly(actions, MOST)

        @case(f"{kind}: {what} its {len(PLAIN.calls)} calls, {len(chosen)} points of {len(actions)}", seconds=3000 if IS_LONG else 200)
        def _():
            try_all(chosen)

    for name, (where, wanted, error) in FOUND.items():
        if where == kind:
            @case(name)
            def _():
                last = [call for call in PLAIN.calls if call.name == wanted][-3:]
                expect(last, f"no {wanted} is called")
                try_all([f"errno:{call.count}:{getattr(errno, error)}" for call in last])

finish()
