#!/usr/bin/env python3
"""remote-spawn: what becomes of transactions when remotes, queue-send or itself die, when it is told to stop, and when a remote lies"""
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish  # noqa: E402
from parts import Parts, netstring, record  # noqa: E402
from remoting import Peer, Place, Sender  # noqa: E402

PHASES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot")
LOST = "4.3.0 remote ended without an outcome; see the log of remote-spawn"

# A remote that was taken over: answers the first request with the records that its destination spells.
LIAR = r"""
#include <unistd.h>
#include <cstring>
int main(int, char** words) {
  char room[4096];
  if (read(0, room, sizeof room) <= 0) return 0;
  char text[4096];
  size_t length = 0;
  for (const char* at = words[1]; at[0] && at[1]; at += 2) {
    if (*at == '.') ++at;
    text[length++] = static_cast<char>((at[0] - 'a') << 4 | (at[1] - 'a'));
  }
  for (size_t at = 0; at + 1 < sizeof room; ++at)  // the ID that it was given, where the record has "?"
    if (memcmp(room + at, "19:", 3) == 0) {
      for (size_t to = 0; to < length; ++to)
        if (text[to] == '?') { memcpy(text + to, room + at + 3, 19); to += 18; }
      break;
    }
  if (write(0, text, length) < 0) return 1;
  while (read(0, room, sizeof room) > 0) {}
}
"""


def spelled(records):
    """Records as a destination that the liar understands."""
    text = "".join(chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in records)
    return ".".join(text[at : at + 62] for at in range(0, len(text), 62))


class Halting:
    """A peer that stops when it has heard a phase's words, and goes on when it is told to."""

    def __init__(self, phase):
        self.phase, self.here, self.go_on = phase, threading.Event(), threading.Event()
        self.ended = threading.Event()
        self.peer = Peer("127.0.9.9", 0, self.script)
        self.destination = f"[127.0.9.9]:{self.peer.port}"

    def halt(self, phase):
        if phase == self.phase and not self.go_on.is_set():
            self.here.set()
            self.go_on.wait(30)

    def script(self, session):
        try:
            self.halt("greeting")
            session.say("220 peer.example")
            for verb in ("EHLO", "MAIL", "RCPT", "RCPT", "DATA"):
                session.hear()
                self.halt(verb)
                session.say("354 go on" if verb == "DATA" else "250 ok")
            session.hear_message()
            self.halt("dot")
            session.say("250 taken")
            session.serve()
        finally:
            self.ended.set()


def running():
    (pid,) = place.remotes()
    return pid


def all_gone():
    """Every remote has been sent home or killed: the next one is new."""
    for pid in place.remotes():
        try:
            end = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        signal.pidfd_send_signal(end, signal.SIGKILL)
        waiting = select.poll()
        waiting.register(end, select.POLLIN)
        waiting.poll(20_000)
        os.close(end)


with Parts() as parts:
    place = Place(parts, timeoutconnect="2", timeoutremote="10")

    for phase in PHASES:
        @case(f"a remote that is killed at {phase}: every recipient is told to try again, and the next message goes")
        def _():
            halting = Halting(phase)
            identity = place.message("a@x.example", "b@x.example")
            place.sender.send(identity, halting.destination, [0, 1])
            expect(halting.here.wait(20), "the peer did not get there")
            os.kill(running(), signal.SIGKILL)
            equal(place.sender.outcomes(2), {0: ("Z", LOST, "m"), 1: ("Z", LOST, "m")})
            halting.go_on.set()
            expect(halting.ended.wait(20), "the connection did not end")
            equal(len(halting.peer.messages()), 1 if phase == "dot" else 0)
            equal([word[0] for word in place.sender.deliver(identity, halting.destination, [0, 1]).values()], ["Y", "Y"])
            all_gone()

    @case("a remote that is killed between its reports: only those who are left are told to try again")
    def _():
        halt, go_on = threading.Event(), threading.Event()

        def script(session):
            session.greet(features=())
            session.serve({"RCPT": lambda line: "550 5.1.1 no" if "a@" in line else None, "DATA": lambda _: halt.set() or go_on.wait(20) and "354 go on"})

        peer = Peer("127.0.9.9", 0, script)
        place.sender.send(place.message("a@x.example", "b@x.example"), f"[127.0.9.9]:{peer.port}", [0, 1])
        expect(halt.wait(20), "no DATA")
        equal(place.sender.outcome()[1:3], (0, "D"))
        os.kill(running(), signal.SIGKILL)
        equal(place.sender.outcome()[1:], (1, "Z", LOST, "m"))
        go_on.set()

    @case("a new queue-send hears what ended and was not forgotten, and what still runs; then its end")
    def _():
        halting = Halting("DATA")
        done, forgotten, runs = place.message(), place.message(), place.message("a@x.example", "b@x.example")
        peer = Peer("127.0.9.9")
        for identity in (done, forgotten):
            equal(place.sender.deliver(identity, f"[127.0.9.9]:{peer.port}")[0][0], "Y")
        place.sender.forget(forgotten, 0)
        place.sender.send(runs, halting.destination, [0, 1])
        expect(halting.here.wait(20), "no DATA")
        place.sender.close()
        place.sender = Sender(parts)
        kept = [(letter, fields[0], int(fields[1])) for letter, fields in place.sender.kept]
        expect(("Y", done, 0) in kept, kept)
        expect(not any(fields[1] == forgotten for fields in kept), kept)
        equal(sorted(entry for entry in kept if entry[0] == "R"), [("R", runs, 0), ("R", runs, 1)])
        halting.go_on.set()
        equal(sorted(place.sender.outcome()[:3] for _ in range(2)), [(runs, 0, "Y"), (runs, 1, "Y")])
        for _, identity, index in kept:
            place.sender.forget(identity, index)

    @case("nobody but queue-send is served, and what is no request ends the connection and nothing else")
    def _():
        place.sender.close()
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect("run/remote-spawn/s")
            stranger.settimeout(20)
            equal(stranger.recv(100), b"")
        identity = place.message()
        good = b"T" + netstring(identity) + netstring(b"x.example") + netstring(b"0")
        for body in (b"T", good, b"L" + good[1:], b"T" + netstring(identity) + netstring(b"x.example"), good + b"x", b"F", b"Q",
                     b"T" + netstring(identity) + netstring(b"a b") + netstring(b"0")):  # a whole one comes without its file
            sender = Sender(parts)
            sender.stream.sendall(record(body))
            expect(sender.has_ended(), body)
        place.sender = Sender(parts)

    @case("a message that is no longer whole, or has no such recipient, is not sent")
    def _():
        peer = Peer("127.0.9.9")
        identity = place.message()
        with open("damaged", "wb") as file:
            file.write(open(parts.queued()[identity.decode()], "rb").read()[:-1])
        place.sender.send(identity, f"[127.0.9.9]:{peer.port}", [0], path="damaged")
        letter, text, blame = place.sender.outcomes(1)[0]
        equal((letter, text[:5], blame), ("Z", "4.3.0", "m"))
        equal(place.sender.deliver(identity, f"[127.0.9.9]:{peer.port}", [7])[7][0], "Z")
        equal(peer.sessions, [])

    @case("a hundred recipients are one transaction; after 100 transactions a new remote serves the destination")
    def _():
        peer = Peer("127.0.9.9")
        destination = f"[127.0.9.9]:{peer.port}"
        identity = place.message(*(f"r{at}@x.example" for at in range(100)))
        place.sender.send(identity, destination, range(100))
        equal({index: word[0] for index, word in place.sender.outcomes(100).items()}, {index: "Y" for index in range(100)})
        for _ in range(100):
            equal(place.sender.deliver(identity, destination, [0])[0][0], "Y")
        equal([len(session.messages) for session in peer.sessions], [100, 1])

    @case("at most 1000 remotes at once: one that waits makes room, one that delivers does not")
    def _():
        parts.control("timeoutremote", "600\n")
        hanging = socket.socket()  # takes connections and says nothing
        hanging.bind(("0.0.0.0", 0))
        hanging.listen(4096)
        port = hanging.getsockname()[1]
        identity, refused = place.message(), iter(range(1, 200))
        for count in range(999):
            place.sender.send(identity, f"[127.2.{count // 250}.{count % 250 + 1}]:{port}", [0])
        for _ in range(3):
            equal(place.sender.deliver(identity, f"[127.3.3.{next(refused)}]:9")[0][1][:5], "4.4.1")
        place.sender.send(identity, f"[127.2.9.9]:{port}", [0])
        equal(place.sender.deliver(identity, f"[127.3.3.{next(refused)}]:9")[0], ("Z", "4.3.2 too many deliveries at once", "m"))
        equal(len(place.remotes()), 1000)
        all_gone()
        equal({word[:2] for word in (place.sender.outcome()[2:4] for _ in range(1000))}, {("Z", LOST)})
        parts.control("timeoutremote", "10\n")

    @case("told to stop, it lets what runs end and takes nothing new")
    def _():
        halting = Halting("DATA")
        identity = place.message("a@x.example", "b@x.example")
        place.sender.send(identity, halting.destination, [0, 1])
        expect(halting.here.wait(20), "no DATA")
        os.kill(place.spawner.process.pid, signal.SIGTERM)
        place.sender.send(identity, "[127.0.9.9]:9", [0])
        halting.go_on.set()
        equal([place.sender.outcome()[2] for _ in range(2)], ["Y", "Y"])
        expect(place.sender.has_ended(), "it did not leave")
        equal(place.spawner.process.wait(20), 0)
        expect(halting.ended.wait(20), "the remote did not leave")
        place.start()

    for phase in ("DATA", "RCPT"):
        @case(f"when remote-spawn is killed at {phase}, its remote does not finish the message")
        def _():
            halting = Halting(phase)
            place.sender.send(place.message("a@x.example", "b@x.example"), halting.destination, [0, 1])
            expect(halting.here.wait(20), f"no {phase}")
            os.kill(place.spawner.process.pid, signal.SIGKILL)
            place.spawner.process.wait(20)
            halting.go_on.set()
            expect(halting.ended.wait(20), "the remote did not leave")
            equal(halting.peer.messages(), [])
            place.start()

    @case("a remote that was taken over can say nothing of what it was not given, nothing twice, nothing of a mailbox")
    def _():
        with open("liar.cc", "w", encoding="ascii") as file:
            file.write(LIAR)
        liar = os.path.join(parts.bin, "liar")
        subprocess.run(["g++", "-O1", "-static", "-o", liar, "liar.cc"], check=True)
        os.chmod(liar, 0o755)
        place.sender.close()
        place.spawner.stop()
        place.spawner = parts.serve("remote-spawn", ["remote/remote-spawn", liar], user="pn-remote")
        place.sender = Sender(parts)
        text = netstring(b"2.0.0 so")

        def said(letter, index, words=text, identity=b"19:" + b"?" * 19 + b","):
            return record(letter + identity + netstring(b"%d" % index) + words)

        other = netstring(b"0000000000000000000")
        lies = {"an index": said(b"Y", 7), "an ID": said(b"Y", 0, identity=other), "a mailbox": said(b"K", 0), "running": said(b"R", 0, b""),
                "ready": record(b"A"), "nonsense": record(b"Y"), "a length": b"\xff\xff\xff\xff", "a forged F": said(b"F", 0, b"")}
        for name, records in lies.items():
            equal(place.sender.deliver(place.message(), spelled(records))[0], ("Z", LOST, "m"), name)
        equal(place.sender.deliver(place.message(), spelled(said(b"Y", 0)))[0][:2], ("Y", "2.0.0 so"))
        place.sender.send(place.message(), spelled(said(b"Y", 0) + said(b"D", 0)), [0])
        equal(place.sender.outcome()[2], "Y")
        equal(place.sender.deliver(place.message(), spelled(lies["ready"]))[0][0], "Z")  # and nothing in between

finish()
