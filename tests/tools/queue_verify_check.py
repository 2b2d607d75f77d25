#!/usr/bin/env python3
"""queue verify: each kind of damage is found and named, and nothing else is"""
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, finish  # noqa: E402
from queue_files import put, queue_file, queue_id, record  # noqa: E402
from tool_directory import DIGITS, ToolDirectory  # noqa: E402

NOW = int(time.time())
GOOD = queue_file("me@here.example", ["you@here.example", "them@here.example"], b"Subject: x\n\n" + b"line\n" * 100_000)


class Queue(ToolDirectory):
    """A whole queue of three messages."""

    def __enter__(self):
        super().__enter__()
        for a in DIGITS:
            for b in DIGITS:
                os.mkdir(self.file(f"queue/todo/{a}{b}"), 0o750)
        self.names = [queue_id(NOW - i, f"{i:08d}") for i in range(3)]
        for i, name in enumerate(self.names):
            put(self, name, GOOD, [None, f"deferred 1 {NOW} 1 {NOW} x\nheld 0 {NOW} -\n", f"failed 0 {NOW} x\nbounced 0 {NOW} y\ndelivered 1 torn"][i])
            os.chmod(self.todo(name), 0o640)
        return self

    def todo(self, name):
        return self.file("queue/todo", name[-2:], name)

    def findings(self):
        done = self.run("queue", "verify", "--json")
        found = json.loads(done.out)
        equal(done.code, 100 if found else 0, done.err)
        text = self.run("queue", "verify")
        equal((text.code, text.out.count("\n")), (done.code, len(found) + 1), text.out)
        return {one["id"] or one["text"]: one["text"] for one in found}

    def damage(self, name, at, byte=b"X"):
        with open(self.todo(name), "r+b") as file:
            file.seek(at, 0 if at >= 0 else 2)
            file.write(byte)


@case("a whole queue is whole")
def _():
    with Queue() as place:
        equal(place.findings(), {})
        equal(place.must("queue", "verify"), "3 messages looked at: everything fits together\n")


@case("a byte of each part: frame, message, envelope, state; too short, too long, empty")
def _():
    for what, part, act in [
            ("frame", "frame", lambda place, name: place.damage(name, 30)),
            ("message", "message's checksum", lambda place, name: place.damage(name, 300_000)),
            ("last byte of the message", "message's checksum", lambda place, name: place.damage(name, 80 + 12 + 500_000 - 1)),
            ("envelope", "checksum", lambda place, name: place.damage(name, -5)),
            ("short", "length", lambda place, name: os.truncate(place.todo(name), len(GOOD) - 1)),
            ("long", "length", lambda place, name: os.truncate(place.todo(name), len(GOOD) + 1)),
            ("empty", "empty", lambda place, name: os.truncate(place.todo(name), 0)),
            ("state", "state", lambda place, name: place.write(f"state/{name[-2:]}/{name}", "rubbish\n")),
            ("a state of more recipients", "recipient 2", lambda place, name: place.write(f"state/{name[-2:]}/{name}", f"delivered 2 {NOW} x\n")),
            ("mode", "everybody", lambda place, name: os.chmod(place.todo(name), 0o644)),
            ("owner", "user 12345", lambda place, name: os.chown(place.todo(name), 12345, 0))]:
        with Queue() as place:
            act(place, place.names[1])
            found = place.findings()
            equal(list(found), [place.names[1]], what)
            contains(found[place.names[1]], part, what)


@case("an envelope that its checksum fits, and that makes no sense")
def _():
    with Queue() as place:
        put(place, place.names[0], queue_file("me@here.example", ["you@here.example"], records=record("z", "?")))
        os.chmod(place.todo(place.names[0]), 0o640)
        equal(list(place.findings()), [place.names[0]])


@case("names that do not belong there, a state without its message, what was put aside, what was left unfinished")
def _():
    with Queue() as place:
        alone, broken, stray = queue_id(NOW, "10000000"), queue_id(NOW, "20000000"), queue_id(NOW, "30000011")
        place.write("queue/todo/00/not-an-id", "x")
        place.write(f"queue/todo/00/{stray}", GOOD)
        os.rmdir(place.file("queue/todo/vv"))
        os.makedirs(place.file("state/00"), exist_ok=True)
        place.write(f"state/00/{alone}", f"deferred 0 {NOW} 1 {NOW} x\n")
        place.write("state/00/what", "x")
        place.write(f"queue/broken/{broken}", GOOD[:100])
        place.write("queue/broken/odd", "x")
        place.write("queue/tmp/new", "x")
        place.write("queue/tmp/old", "x")
        os.utime(place.file("queue/tmp/old"), (NOW - 200_000, NOW - 200_000))
        place.write("state/lock", "")
        found = place.findings()
        contains(found.pop(broken), f"queue/broken/{broken}: ")
        contains(found.pop(alone), "without its message")
        equal(sorted(found), sorted([f"queue/todo/00/{stray}: no queue ID, or not one of this directory",
                                     "queue/todo/00/not-an-id: no queue ID, or not one of this directory", "queue/todo/vv: not there",
                                     "state/00/what: no queue ID, or not one of this directory", "queue/broken/odd: no queue ID",
                                     "queue/tmp/old: unfinished for more than 36 hours, and not removed"]))


finish()
