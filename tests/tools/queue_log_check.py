#!/usr/bin/env python3
"""queue log: one message, or one address, through the rotated logs of many services, in order and in local time"""
import datetime
import json
import os
import random
import subprocess
import sys
import zoneinfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish  # noqa: E402
from queue_files import queue_id  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

NOW = 1_795_342_395
LEAP = 37  # seconds that atomic time is ahead
FIRST, SECOND, BOUNCE, OTHER = (queue_id(NOW, f"{i:08d}") for i in range(4))


def stamp(seconds, nanoseconds=0):
    return f"@{(1 << 62) + seconds + LEAP:016x}{nanoseconds:08x}"


def quoted(text):
    return "".join(chr(c) if 0x20 < c < 0x7f and chr(c) not in '="\\' else f"\\x{c:02x}" for c in text.encode("utf-8", "surrogateescape"))


class Logs(ToolDirectory):
    def __enter__(self):
        super().__enter__()
        self.clock = 0
        return self

    def add(self, service, event, file="current", program=None, **fields):
        self.clock += 1
        os.makedirs(self.file("log", service), exist_ok=True)
        words = " ".join(f"{key.rstrip('_')}={quoted(str(value))}" for key, value in fields.items())
        with open(self.file("log", service, file), "a", encoding="utf-8") as log:
            log.write(f"{stamp(NOW, self.clock * 1000)} prog={program or service} pid=7 event={event} {words}\n")

    def found(self, *words):
        return [(one["service"], one["event"]) for one in json.loads(self.must("queue", "log", *words, "--json"))]


def some(place):
    old, older = stamp(NOW + 1) + ".s", stamp(NOW - 99) + ".s"
    place.add("smtpd", "connect", older, client="192.0.2.1")
    place.add("smtpd", "accepted", older, id=FIRST, sender="me@here.example", recipient="you@here.example")
    place.add("queue-trusted", "queued", program="queue-inject", id=FIRST, uid=1)
    place.add("smtpd", "accepted", old, id=OTHER, sender="x@here.example", recipient="y@here.example")
    place.add("queue-send", "delivery", old, id=FIRST, recipient="you@here.example", outcome="failed", text=f"5.0.0 no {OTHER}x")
    place.add("queue-trusted", "queued", id=BOUNCE, uid=2)
    place.add("queue-send", "bounce", id=FIRST, bounce=BOUNCE)
    place.add("queue-send", "delivery", id=BOUNCE, recipient="me@here.example", outcome="delivered", text="2.0.0 ok")
    place.add("smtpd", "accepted", id=SECOND, sender="you@here.example", recipient="z@here.example")


@case("an ID: through every service, with the bounce that it caused, and nothing else")
def _():
    with Logs() as place:
        some(place)
        wanted = [("smtpd", "accepted"), ("queue-trusted", "queued"), ("queue-send", "delivery"), ("queue-trusted", "queued"), ("queue-send", "bounce"),
                  ("queue-send", "delivery")]
        equal(place.found(FIRST), wanted)
        lines = place.must("queue", "log", FIRST).splitlines()
        equal(len(lines), len(wanted))
        contains(lines[2], f'queue-send    delivery  id={FIRST} recipient=you@here.example outcome=failed text="5.0.0 no {OTHER}x"')
        equal(place.found(OTHER), [("smtpd", "accepted"), ("queue-send", "delivery")])  # it stands in that text
        equal(place.found(SECOND), [("smtpd", "accepted")])
        place.refuses("nothing", "queue", "log", queue_id(NOW, "90000000"))


@case("an address: all of its messages, whoever wrote it, however it is spelled")
def _():
    with Logs() as place:
        some(place)
        equal(len(place.found("you@here.example")), 7)
        equal(place.found("<YOU@Here.Example>"), place.found("you@here.example"))
        equal(place.found("z@here.example"), [("smtpd", "accepted")])
        equal(len(place.found("@here.example")), 8)
        place.refuses("nothing", "queue", "log", "nobody@here.example")
        for words in (["log"], ["log", "x"], ["log", FIRST, SECOND], ["log", "a b@c"], ["log", "--all"]):
            done = place.run("queue", *words)
            equal((done.code, done.err.count("\n")), (100, 1), str(words))


@case("lines of one moment keep the order of their file; odd lines and files harm nobody")
def _():
    with Logs() as place:
        some(place)
        with open(place.file("log/smtpd/current"), "ab") as log:
            log.write(b"no stamp " + FIRST.encode() + b"\n@4000 x\n\xff\xfe\n" + stamp(NOW + 5).encode() + b"\n" + b"x" * 300_000 + b"\n")
            log.write(f"{stamp(NOW + 6)} prog=smtpd pid=1 event=last id={FIRST}\n{stamp(NOW + 7)} event=torn id={FIRST}".encode())
        for name in ("lock", "state", "previous"):
            place.write(f"log/smtpd/{name}", FIRST)
        place.write("log/s6-svscan", "x")
        os.mkdir(place.file("log/empty"))
        equal(place.found(FIRST)[-1], ("smtpd", "last"))
        equal(len(place.found(FIRST)), 7)


@case("whatever bytes strangers had logged, text steers no terminal and JSON gives them back")
def _():
    with Logs() as place:
        every = "".join(map(chr, range(256)))
        place.add("smtpd", "accepted", id=FIRST, helo=every, subject="\x1b]0;owned\x07 \u009b2J \u00fc")
        text = place.must("queue", "log", FIRST)
        equal([c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"], [])
        (found,) = json.loads(place.must("queue", "log", FIRST, "--json"))
        equal(found["fields"]["helo"], every)
        contains(text, "\u00fc")


@case("times are local: by TZ, a name or a rule, as s6 and Python see them")
def _():
    with Logs() as place:
        zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin",
                 "Pacific/Apia", "Antarctica/Troll", "Asia/Tehran", "America/Godthab", "UTC", "Pacific/Chatham"]
        chance = random.Random(7)
        times = [1_483_228_800, NOW] + [chance.randrange(1_483_228_800, 4_000_000_000) for _ in range(300)]
        os.mkdir(place.file("log/smtpd"))
        with open(place.file("log/smtpd/current"), "w", encoding="utf-8") as log:
            for at, seconds in enumerate(sorted(times)):
                log.write(f"{stamp(seconds, at)} prog=smtpd pid=1 event=e id={FIRST}\n")

        def shown(zone):
            text = subprocess.run([tool("queue"), "log", FIRST, "--json"], capture_output=True, check=True,
                                  env={"POSTERN_DIR": place.path, **({} if zone is None else {"TZ": zone})}).stdout
            return json.loads(text)

        known = 0
        for zone in zones:
            try:
                info = zoneinfo.ZoneInfo(zone)
            except zoneinfo.ZoneInfoNotFoundError:
                continue
            known += 1
            for one, seconds in zip(shown(zone), sorted(times)):
                equal(one["unix"], seconds)
                want = datetime.datetime.fromtimestamp(seconds, info)
                equal(one["time"][:19] + one["time"][-6:], want.isoformat()[:19] + want.isoformat()[-6:], f"{zone} {seconds}")
        expect(known > 0, "no time zone is known here")
        equal([one["time"] for one in shown("CET-1CEST,M3.5.0,M10.5.0/3")], [one["time"] for one in shown(":Europe/Berlin")])
        for zone in ("", "UTC", "../../etc/passwd", "/etc/passwd", "No/Where", "\x1b"):
            expect(all(one["time"].endswith("+00:00") for one in shown(zone)), zone)
        (first, *_) = subprocess.run(["s6-tai64nlocal"], input=stamp(NOW) + " x\n", capture_output=True, text=True, check=True, env={"TZ": "UTC"}).stdout.splitlines()
        expect(first.startswith(datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")), first)


finish()
