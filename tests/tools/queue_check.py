#!/usr/bin/env python3
"""queue: lists, shows and flushes hand-made queue files, whole and damaged, with whatever bytes strangers put there"""
import json
import os
import pty
import re
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish  # noqa: E402
from queue_files import put, queue_file, queue_id, record  # noqa: E402
from tool_directory import DIGITS, ToolDirectory, tool  # noqa: E402


def listed(place):
    return json.loads(place.must("queue", "list", "--json"))


NOW = int(time.time())


@case("an empty queue is an empty list")
def _():
    with ToolDirectory() as place:
        equal(place.must("queue", "list"), "")
        equal(listed(place), [])
        equal(place.must("queue", "count"), "0\n")


@case("every recipient has its state, its reason and its next try")
def _():
    with ToolDirectory() as place:
        name = queue_id(NOW - 7200)
        people = [f"r{i}@there.example" for i in range(5)]
        put(place, name, queue_file("me@here.example", people),
            f"deferred 0 {NOW - 100} 1 {NOW - 50} busy\ndelivered 1 {NOW} 2.0.0\\x20ok\ndeferred 0 {NOW} 3 {NOW + 600} 4.2.1\\x20full\n"
            f"failed 2 {NOW} 5.1.1\\x20no\\x20such\\x20user\nfailed 3 {NOW} -\nbounced 2 {NOW} 0000000000000000000\n"
            f"delivered 4 {NOW} torn")
        lines = place.must("queue", "list").splitlines()
        expect(re.fullmatch(r"ID +AGE +BYTES +SENDER", lines[0]), lines[0])
        expect(re.fullmatch(rf"{name} +2 h +\d+  <me@here.example>", lines[1]), lines[1])
        expect(re.fullmatch(r" +deferred   <r0@there.example>  4\.2\.1 full; try 4 in (10 min|9 min|59\d s)", lines[2]), lines[2])
        equal([line.split(None, 1) for line in lines[3:]],
              [["delivered", "<r1@there.example>  2.0.0 ok"], ["failed", "<r2@there.example>  5.1.1 no such user; the sender was told"],
               ["failed", "<r3@there.example>"], ["pending", "<r4@there.example>"]])
        (message,) = listed(place)
        equal((message["id"], message["sender"], message["place"], message["problem"]), (name, "me@here.example", "todo", None))
        expect(7200 <= message["age"] < 7300 and message["time"] == NOW - 7200, "age and time")
        equal(message["recipients"][0], {"address": people[0], "state": "deferred", "reason": "4.2.1 full", "time": NOW, "tries": 3,
                                         "next_try": NOW + 600})
        equal([one["state"] for one in message["recipients"]], ["deferred", "delivered", "failed", "failed", "pending"])
        equal(message["recipients"][4], {"address": people[4], "state": "pending", "reason": None, "time": None, "tries": None, "next_try": None})


@case("JSON is valid and text steers no terminal, whatever bytes a reason or an address holds")
def _():
    with ToolDirectory() as place:
        odd = ["b\u00fc@x.example", "\"a b\\\"c\\\\\"@x.example", "\u009b2J@x.example", "a@[ipv6:::1]"]
        every = "".join(f"\\x{byte:02x}" for byte in range(256))
        put(place, queue_id(NOW), queue_file("", odd), f"failed 0 {NOW} {every}\nfailed 1 {NOW} \\xc3\\xbc\n")
        (message,) = listed(place)
        equal(message["sender"], "")
        equal([one["address"] for one in message["recipients"]], odd)
        equal(message["recipients"][0]["reason"], "".join(map(chr, range(256))))
        equal(message["recipients"][1]["reason"], "\u00fc")
        text = place.must("queue", "list")
        contains(text, "<>")
        equal([c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"], [])


@case("what is broken is listed with what is wrong with it")
def _():
    with ToolDirectory() as place:
        good = queue_file("me@here.example", ["you@here.example"])
        cut, empty, flipped, aside, states = (queue_id(NOW, f"{i:08d}") for i in range(5))
        put(place, cut, good[:-1])
        put(place, empty, b"")
        put(place, flipped, good[:-3] + b"X" + good[-2:])
        put(place, aside, good[:100], where="broken")
        put(place, states, good, "rubbish\n")
        place.write(f"queue/todo/{cut[-2:]}/not-an-id", good)
        found = {one["id"]: one for one in listed(place)}
        equal(sorted(found), sorted([cut, empty, flipped, aside, states]))
        equal(found[aside]["place"], "broken")
        for name, part in [(cut, "length"), (empty, "shorter"), (flipped, "checksum"), (states, "state")]:
            contains(found[name]["problem"], part, name)
            expect(found[name]["sender"] is None or name == states, "an envelope that cannot be trusted")
        equal([one["state"] for one in found[states]["recipients"]], ["unknown"])
        text = place.must("queue", "list")
        contains(text, "damaged: ")
        contains(text, "broken, kept in queue/broken")
        equal(place.must("queue", "count"), "5\n")


@case("a link in the queue is not followed")
def _():
    with ToolDirectory() as place:
        name = queue_id(NOW)
        os.makedirs(place.file("queue/todo", name[-2:]))
        place.write("control/secret", queue_file("me@here.example", ["you@here.example"]))
        os.symlink(place.file("control/secret"), place.file("queue/todo", name[-2:], name))
        text = place.must("queue", "list")
        contains(text, "damaged: open")
        expect("you@here" not in text, text)
        place.refuses("damaged", "queue", "show", name)


@case("messages come in the order of their arrival")
def _():
    with ToolDirectory() as place:
        data = queue_file("me@here.example", ["you@here.example"])
        names = [queue_id(NOW - i, f"{DIGITS[i % 32] * 8}") for i in range(200)]
        for name in names:
            put(place, name, data)
        equal([one["id"] for one in listed(place)], names[::-1])
        equal(place.must("queue", "count"), "200\n")


@case("show gives envelope, header lines and message, byte for byte")
def _():
    with ToolDirectory() as place:
        name, message = queue_id(1_000_000_000), bytes(range(256)) * 700 + b"\n"
        put(place, name, queue_file("me@here.example", ["you@here.example"], message, record("h", "Received: here\n") + record("g", "he\u009blo")))
        with open(place.file("out"), "wb") as out:
            pid = os.fork()
            if pid == 0:
                os.dup2(out.fileno(), 1)
                os.execve(tool("queue"), ["queue", "show", name], {"POSTERN_DIR": place.path})
            equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        head, rest = open(place.file("out"), "rb").read().split(b"\n\n", 1)
        equal(rest, b"Received: here\n" + message)
        lines = head.decode().splitlines()
        equal(lines[:2], [f"ID: {name}", "Time: Sun, 9 Sep 2001 01:46:40 +0000"])
        for line in ["Sender: <me@here.example>", "Helo: he??lo", "Recipient: pending    <you@here.example>"]:
            expect(line in lines, f"{line} is not in {lines}")


@case("shown on a terminal, a message cannot steer it")
def _():
    with ToolDirectory() as place:
        name = queue_id(NOW)
        put(place, name, queue_file("me@here.example", ["you@here.example"], b"\x1b]0;owned\x07\x9b2J\xc3\xbc\n"))
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(tool("queue"), ["queue", "show", name], {"POSTERN_DIR": place.path})
        shown = b""
        try:
            while more := os.read(terminal, 1000):
                shown += more
        except OSError:
            pass  # closed at its other end
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)
        contains(shown, b"?]0;owned??2J??\r\n")


@case("show says when a message's checksum is wrong, and when there is nothing to show")
def _():
    with ToolDirectory() as place:
        name, cut = queue_id(NOW, "00000001"), queue_id(NOW, "00000002")
        data = queue_file("me@here.example", ["you@here.example"], b"Subject: x\n\nhello\n")
        put(place, name, data.replace(b"hello", b"hallo"))
        put(place, cut, data[:90], where="broken")
        done = place.run("queue", "show", name)
        equal(done.code, 100)
        contains(done.err, "checksum")
        contains(done.out, "hallo")
        place.refuses("damaged", "queue", "show", cut)
        place.refuses("no message", "queue", "show", queue_id(NOW, "00000003"))
        place.refuses("no message", "queue", "list", queue_id(NOW, "00000003"))
        for words in [["show"], ["show", "x"], ["show", "../../../etc/passwd"], ["show", name, name], ["list", "--header"], ["count", "x"], ["delete"], ["hold", "--all", name], ["pause"],
                      ["list", "--xml"], ["frob"], []]:
            done = place.run("queue", *words)
            equal((done.code, done.err.count("\n")), (100, 1), str(words))


@case("without queue-desk root may look, and nobody can change anything")
def _():
    with ToolDirectory() as place:
        name = queue_id(NOW)
        put(place, name, queue_file("me@here.example", ["you@here.example"]))
        for words in (["flush"], ["hold", name], ["delete", "--all"], ["why"], ["pause", "all"], ["pauses"]):
            place.refuses("queue-desk does not run", "queue", *words, code=111)
        equal(len(listed(place)), 1)


@case("a choice of messages: by sender, open recipient, domain, age; every part must fit")
def _():
    with ToolDirectory() as place:
        people = [("A@One.example", ["x@two.example", "y@three.example"]), ("", ["x@sub.two.example"]), ("a@one.example", ["z@Three.example"])]
        names = [queue_id(NOW - 3600 * (i + 1), f"{i:08d}") for i in range(3)]
        for name, (sender, recipients) in zip(names, people):
            put(place, name, queue_file(sender, recipients), f"delivered 0 {NOW} -\n" if name == names[0] else None)
        put(place, queue_id(NOW - 60), b"not a queue file")
        choices = {
            ("--sender", "a@one.example"): {0, 2}, ("--sender", "@ONE.example"): {0, 2}, ("--sender", "<a@one.example>"): {0, 2},
            ("--sender", "<>"): {1}, ("--sender", ""): {1}, ("--sender", "b@one.example"): set(),
            ("--recipient", "X@two.example"): set(),  # delivered
            ("--recipient", "@three.example"): {0, 2}, ("--domain", "three.example"): {0, 2}, ("--domain", ".two.example"): {1},
            ("--domain", "two.example"): set(), ("--older", "90m"): {1, 2}, ("--younger", "1h30m"): None, ("--younger", "5400"): {0},
            ("--older", "90m", "--younger", "150m"): {1}, ("--sender", "@one.example", "--domain", "three.example", "--older", "2h"): {2},
            (names[0], names[2]): {0, 2}, (names[0], names[2], "--older", "2h"): {2},
        }
        for words, want in choices.items():
            done = place.run("queue", "list", "--json", *words)
            if want is None:
                equal(done.code, 100, str(words))
            else:
                found = {names.index(one["id"]) for one in json.loads(done.out) if one["id"] in names}
                equal((done.code, found), (0, want), str(words))
        equal(len(listed(place)), 4)
        for words in (["--sender", "a b"], ["--domain", "a@b"], ["--older", "x"], ["--older", "-1"], ["--all", names[0]], ["--all", "--older", "1h"],
                      ["--sender"], ["--older", "1h", "--older", "2h"], ["--older", "99999999999999999999d"]):
            done = place.run("queue", "list", *words)
            equal((done.code, done.err.count("\n"), done.out), (100, 1, ""), str(words))


@case("IDs come on descriptor 0 as well, as list writes them")
def _():
    with ToolDirectory() as place:
        data = queue_file("me@here.example", ["you@here.example"])
        names = [queue_id(NOW - i, f"{i:08d}") for i in range(5)]
        for name in names:
            put(place, name, data)
        head, *lines = place.must("queue", "list").splitlines()
        some = "\n".join([head] + lines[2:6]) + "\n"
        equal([one["id"] for one in json.loads(place.must("queue", "list", "--json", "-", given=some))], [names[3], names[2]])
        place.refuses("not a queue ID", "queue", "list", "-", given=some + "rubbish\n")
        place.refuses("no IDs", "queue", "list", "-", given="\n")


@case("a held message is marked, and show gives the parts that are asked for")
def _():
    with ToolDirectory() as place:
        name = queue_id(NOW)
        put(place, name, queue_file("me@here.example", ["you@here.example"], b"Subject: x\n\nhe\xffllo\n\nmore\n", record("h", "Received: here\n")),
            f"held 1000 {NOW - 300} -\n")
        contains(place.must("queue", "list"), "<me@here.example>  held 5 min ago by uid 1000\n")
        (message,) = listed(place)
        equal((message["mark"], message["mark_uid"], message["mark_time"]), ("held", 1000, NOW - 300))
        equal(place.must("queue", "show", name, "--header"), "Received: here\nSubject: x\n\n")
        contains(place.must("queue", "show", name, "--envelope"), "Mark: held 5 min ago by uid 1000\n")
        shown = json.loads(place.must("queue", "show", name, "--json", "--body"))
        equal((shown["body"], "header" in shown), ("he\u00ffllo\n\nmore\n", False))
        shown = json.loads(place.must("queue", "show", name, "--json"))
        equal((shown["header"], shown["envelope"]["Origin"]), ("Received: here\nSubject: x\n\n", "local"))


finish()
