#!/usr/bin/env python3
"""user and domain, many of them at once: whatever said that it was done is there afterwards, and nothing else is"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

if os.getuid() != 0:
    case("user and domain, many at once")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()

IS_LONG = "long" in sys.argv[1:]
ROUNDS, EACH = (10, 12) if IS_LONG else (1, 5)


class Together:
    def __init__(self, place):
        self.place, self.running = place, []

    def start(self, *words, given=""):
        child = subprocess.Popen([tool(words[0]), *words[1:]], env={"POSTERN_DIR": self.place.path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.running.append((words, given, child))

    def finish(self):
        """{words: [exit code, ...]}"""
        codes = {}
        for words, given, child in self.running:
            _, errors = child.communicate(given.encode(), timeout=100)
            codes.setdefault(words, []).append(child.returncode)
            expect(child.returncode in (0, 100), f"{words}: {child.returncode} {errors.decode()}")
        self.running = []
        return codes


def entries(place):
    return {line.split(":")[0]: line.split(":") for line in place.read("users/passwords").splitlines()}


def apps_of(entry):
    return sorted(one.split("/")[0] for one in entry[4].split(";")) if entry and len(entry) > 4 else []


def prepare(place, each):
    for i in each:
        for name in ("p", "d", "r", "q", "e"):
            place.must("user", "add", f"{name}{i}")
        place.must("user", "passwd", f"e{i}", given="x\n")
        place.must("domain", "add", f"gone{i}.example")
        place.must("domain", "add", f"both{i}.example")


def start_all(run, each):
    for i in each:
        for _ in range(2):
            run.start("user", "add", f"a{i}")
            run.start("user", "del", f"e{i}", "--remove-mail")
        run.start("user", "rename", f"q{i}", "target")
        run.start("user", "add", f"v{i}@multi.example")
        run.start("user", "passwd", f"p{i}", given="new\n")
        for app in ("one", "two"):
            run.start("user", "apppass", "add", f"p{i}", app)
        run.start("user", "disable", f"d{i}")
        run.start("user", "quota", f"d{i}", f"{i + 1}M")
        run.start("user", "rename", f"r{i}", f"s{i}@moved.example")
        run.start("user", "apppass", "add", f"r{i}", "late")
        run.start("domain", "add", f"new{i}.example")
        run.start("domain", "add", f"local{i}.example", "--local")
        run.start("domain", "del", f"gone{i}.example")
        run.start("domain", "del", f"both{i}.example")
        run.start("user", "add", f"x@both{i}.example")
        run.start("user", "rebuild")


def check_round(place, codes, each):
    users, passwords = place.users(), entries(place)
    domains = {one["domain"]: one for one in json.loads(place.must("domain", "list", "--json"))}
    conflicting = [sorted(found) for words, found in codes.items() if words[1] in ("add", "del") and len(found) > 1]
    equal(conflicting, [[0, 100]] * len(conflicting), "of two that say the same, one does it")
    equal(sum(codes[("user", "rename", f"q{i}", "target")][0] == 0 for i in each), 1, "one gets the name")
    wanted = {"postmaster"} & set(users) | {"target"}
    for i in each:
        wanted |= {f"a{i}", f"v{i}@multi.example", f"p{i}", f"d{i}", f"s{i}@moved.example", f"x@both{i}.example"}
        if codes[("user", "rename", f"q{i}", "target")][0] != 0:
            wanted.add(f"q{i}")
        equal((users[f"p{i}"]["password"], users[f"d{i}"]["password"], apps_of(passwords[f"p{i}"])), ("set", "disabled", ["one", "two"]), i)
        expect(f"d{i}:{(i + 1) << 20}:0" in place.read("users/quotas").splitlines() and os.path.exists(place.file(f"users/full/d{i}")), "a quota is lost")
        late = codes[("user", "apppass", "add", f"r{i}", "late")][0] == 0
        equal(apps_of(passwords.get(f"s{i}@moved.example")), ["late"] * late, "what was given before the mailbox was renamed went with it")
        expect(all(name not in passwords for name in (f"r{i}", f"e{i}", f"a{i}")), "a password without a mailbox")
        expect(f"new{i}.example" in domains and domains[f"local{i}.example"]["kind"] == "local" and f"gone{i}.example" not in domains, f"domains {i}")
        equal(domains[f"both{i}.example"]["mailboxes"], 1, "a domain went though it had a mailbox")
        expect(not os.path.exists(place.file(f"home/e{i}")) and not os.path.exists(place.file(f"home/r{i}")), "a home is left")
    done = {words: found for words, found in codes.items() if words[1] in ("passwd", "disable", "quota", "rebuild") or words[0] == "domain" and "both" not in words[2] or "multi" in words[-1]}
    equal([words for words, found in done.items() if any(found)], [], "nothing stood against these")
    equal(sorted(users), sorted(wanted))
    uids = [one["uid"] for one in users.values()]
    equal(len(set(uids)), len(uids), "a uid twice")
    expect(int(place.read("users/next-uid")) > max(uids), "next-uid is not past all")
    for one in users.values():
        equal(os.stat(one["home"] + "/Maildir/cur").st_uid, one["uid"], one["user"])
    for name in ("users", "control"):
        equal([one for one in os.listdir(place.file(name)) if one.endswith(".new")], [])
    lines = place.read("control/virtualdomains").splitlines()
    equal(len(lines), len(set(lines)), "a line twice")
    database = open(place.file("users/cdb"), "rb").read()
    place.must("user", "rebuild")
    equal(open(place.file("users/cdb"), "rb").read(), database, "users/cdb is not that of users/assign")


@case("adding, removing, renaming, passwords, app passwords and domains at once: nothing that was said is lost, no uid stands twice", seconds=600 if IS_LONG else 120)
def _():
    for _ in range(ROUNDS):
        with ToolDirectory() as place:
            each = range(EACH)
            prepare(place, each)
            run = Together(place)
            start_all(run, each)
            codes = run.finish()
            check_round(place, codes, each)
            print(f"  {sum(map(len, codes.values()))} at once")


finish()
