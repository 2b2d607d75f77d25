#!/usr/bin/env python3
"""user quota: set, shown, listed and taken away as a whole; users/quotas is read strictly, and a home's owner leads root nowhere"""
import json
import os
import shutil
import stat
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

if os.getuid() != 0:
    case("user quota")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()


class Mailboxes(ToolDirectory):
    def __enter__(self):
        super().__enter__()
        for name in ("alice", "info@example.org"):
            self.must("user", "add", name)
        return self

    def quotas(self):
        return self.read("users/quotas") if os.path.exists(self.file("users/quotas")) else None

    def full(self):
        """{name: (uid, gid, mode, size)}"""
        found = {}
        for name in os.listdir(self.file("users/full")):
            status = os.lstat(self.file("users/full", name))
            found[name] = (status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode)), status.st_size)
        return found

    def in_cdb(self, name):
        done = subprocess.run(["cdb", "-q", self.file("users/cdb"), "q" + name], capture_output=True, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def flag_of(self, name):
        uid = self.users()[name]["uid"]
        return (uid, uid, "0o644", 0)


@case("a quota is set, changed, shown, listed and taken away")
def _():
    with Mailboxes() as place:
        equal(place.users()["alice"]["quota"], None)
        place.must("user", "quota", "alice", "1G")
        place.must("user", "quota", "info@example.org", "0", "5000")
        equal(place.quotas(), "alice:1073741824:0\ninfo@example.org:0:5000\n")
        equal(stat.S_IMODE(os.stat(place.file("users/quotas")).st_mode), 0o644)
        equal((place.in_cdb("alice"), place.in_cdb("info@example.org"), place.in_cdb("nobody")), ("1073741824:0", "0:5000", None))
        equal(place.full(), {"alice": place.flag_of("alice"), "info@example.org": place.flag_of("info@example.org")})
        equal(place.users()["alice"]["quota"], {"bytes": 1 << 30, "messages": 0})
        contains(place.must("user", "list"), " 1073741824:0 ")
        place.must("user", "quota", "alice", "2000", "7")
        equal(place.quotas(), "alice:2000:7\ninfo@example.org:0:5000\n")
        for name, size in (("1.a.h,S=1500,W=1600", "x"), ("2.b.h", "x" * 20)):
            place.write(f"home/alice/Maildir/cur/{name}", size)
        equal(json.loads(place.must("user", "quota", "alice", "--json")),
              {"user": "alice", "bytes": 1520, "messages": 2, "limit-bytes": 2000, "limit-messages": 7, "full": False})
        equal(place.must("user", "quota", "alice").split()[-6:], ["alice", "1520", "2000", "2", "7", "no"])
        place.write("users/full/alice", "0\n")
        equal(place.must("user", "quota", "alice").split()[-1], "yes")
        place.must("user", "quota", "alice", "none")
        equal((place.quotas(), place.in_cdb("alice"), list(place.full())), ("info@example.org:0:5000\n", None, ["info@example.org"]))
        equal(place.must("user", "quota", "alice").split()[-6:], ["alice", "1520", "none", "2", "none", "no"])
        place.must("user", "quota", "alice", "none")


@case("sizes have units of 1024, and what is no size is refused in one line")
def _():
    with Mailboxes() as place:
        for words, line in ((["5"], "5:0"), (["1K"], "1024:0"), (["3M", "2"], f"{3 << 20}:2"), (["2T"], f"{2 << 40}:0"), (["1024T"], f"{1 << 50}:0"),
                            (["0", "1000000000"], "0:1000000000")):
            place.must("user", "quota", "alice", *words)
            equal(place.quotas(), f"alice:{line}\n")
        for words in (["0"], ["0", "0"], ["1025T"], ["1k"], ["-1"], ["x"], [""], ["K"], ["1.5G"], ["1", "x"], ["1", "1000000001"], ["1", "1", "1"], ["none", "1"],
                      ["1", "--frob"]):
            done = place.run("user", "quota", "alice", *words)
            equal((done.code, done.err.count("\n")), (100, 1), str(words))
        place.refuses("no such mailbox", "user", "quota", "bob", "1G")
        place.refuses("no such mailbox", "user", "quota", "bob")
        place.refuses("NAME is missing", "user", "quota")
        equal(place.quotas(), "alice:0:1000000000\n")


@case("what was noted of a mailbox under another limit is forgotten, its mail stays")
def _():
    with Mailboxes() as place:
        place.must("user", "quota", "alice", "5000")
        place.write("home/alice/Maildir/maildirsize", "5000S\n1 1\n")
        place.write("home/alice/Maildir/new/1.a.h,S=1,W=2", "x")
        place.write("users/full/alice", "0\n")
        place.must("user", "quota", "alice", "6000")
        equal(place.full(), {"alice": place.flag_of("alice")})
        expect(not os.path.exists(place.file("home/alice/Maildir/maildirsize")), "the old sums are there")
        expect(os.path.exists(place.file("home/alice/Maildir/new/1.a.h,S=1,W=2")), "mail is gone")


@case("del takes the quota with it, and a mailbox of that name made again has none")
def _():
    with Mailboxes() as place:
        place.must("user", "quota", "alice", "5000")
        place.must("user", "del", "alice")
        equal((place.quotas(), place.full(), place.in_cdb("alice")), ("", {}, None))
        place.must("user", "add", "alice", "--home", place.file("home/other"))
        equal(place.users()["alice"]["quota"], None)


@case("users/quotas edited by hand counts after rebuild; what is wrong in it is told by its line, and changes nothing")
def _():
    with Mailboxes() as place:
        place.write("users/quotas", "alice:7:0\nnobody:1:1\n")
        place.must("user", "rebuild")
        equal((place.in_cdb("alice"), place.full()), ("7:0", {"alice": place.flag_of("alice")}))
        before = place.read("users/assign")
        for text, part in (("alice:7\n", "line 1"), ("alice:1:1\nalice:2:2\n", "line 2"), ("../x:1:1\n", "line 1"), ("alice:0:0\n", "line 1"),
                           ("alice:1:1", "line 1")):
            place.write("users/quotas", text)
            for words in (["rebuild"], ["add", "bob"], ["quota", "alice", "5"]):
                place.refuses(part, "user", *words)
            equal((place.in_cdb("alice"), place.read("users/assign")), ("7:0", before))


@case("a file of users/full that is another's or no file is made anew")
def _():
    with Mailboxes() as place:
        place.must("user", "quota", "alice", "5000")
        for trick in (lambda path: os.chown(path, 7, 7), lambda path: (os.unlink(path), os.symlink("/etc/passwd", path)), os.unlink):
            trick(place.file("users/full/alice"))
            place.must("user", "rebuild")
            equal(place.full(), {"alice": place.flag_of("alice")})


@case("a home's owner leads root nowhere: links and other things in place of the Maildir and in it are not followed")
def _():
    with Mailboxes() as place:
        victim = place.file("victim")
        os.makedirs(os.path.join(victim, "cur"))
        with open(os.path.join(victim, "cur", "1.a.h,S=99,W=99"), "wb"), open(os.path.join(victim, "maildirsize"), "wb"):
            pass
        maildir = place.file("home/alice/Maildir")
        os.symlink(victim, os.path.join(maildir, ".Out"))
        os.rmdir(os.path.join(maildir, "cur"))
        os.symlink(os.path.join(victim, "cur"), os.path.join(maildir, "cur"))
        os.mkfifo(os.path.join(maildir, "new", "1.fifo"))
        os.mkfifo(os.path.join(maildir, "maildirsize"))
        equal(json.loads(place.must("user", "quota", "alice", "--json"))["bytes"], 0)
        place.must("user", "quota", "alice", "5000")
        shutil.rmtree(maildir)
        os.symlink(victim, maildir)
        expect(place.run("user", "quota", "alice").code != 0, "a Maildir elsewhere was looked at")
        expect(place.run("user", "quota", "alice", "6000").code != 0, "a Maildir elsewhere was changed")
        expect(os.path.exists(os.path.join(victim, "maildirsize")), "a file elsewhere was removed")
        equal(place.quotas(), "alice:5000:0\n")
        os.unlink(maildir)
        equal(json.loads(place.must("user", "quota", "alice", "--json"))["messages"], 0)
        shutil.rmtree(place.file("home/alice"))
        place.must("user", "quota", "alice", "6000")


CALLS = ["openat", "unlinkat", "write", "pwrite64", "fchown", "renameat", "fsync", "linkat"]


def killed_at(place, call, number, *words):
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}",
                           tool(words[0]), *words[1:]], env={"POSTERN_DIR": place.path, "PATH": os.environ["PATH"]}, check=False, capture_output=True)
    return done.returncode != 0


@case("killed at any call, quota leaves users that can be read, and done again it does all of it", seconds=300)
def _():
    if not shutil.which("strace"):
        skip("NOT SHOWN: strace is not here")
    kills = 0
    with Mailboxes() as place:
        place.must("user", "quota", "info@example.org", "1G")
        for words, wanted in ((["9000"], "9000:0"), (["none"], None)):
            for call in CALLS:
                for number in range(1, 60):
                    place.must("user", "quota", "alice", *(["none"] if wanted else ["5000"]))
                    if not killed_at(place, call, number, "user", "quota", "alice", *words):
                        break
                    kills += 1
                    what = f"{words} killed at {call} {number}"
                    expect(place.in_cdb("alice") in ("9000:0", "5000:0", None), what)
                    expect(place.in_cdb("info@example.org") == f"{1 << 30}:0", what)
                    expect("info@example.org:1073741824:0\n" in place.quotas(), what)
                    equal(set(place.users()), {"alice", "info@example.org"}, what)
                    # Whoever is told of a quota finds its file, or works without: never one that is not the mailbox's.
                    expect(place.full().get("alice") in (None, place.flag_of("alice")), what)
                    place.must("user", "quota", "alice", *words)
                    equal((place.in_cdb("alice"), "alice:" in place.quotas()), (wanted, wanted is not None), what)
                    equal(place.full().get("alice"), place.flag_of("alice") if wanted else None, what)
                    equal([name for name in os.listdir(place.file("users")) if name.endswith(".new")], [], what)
    print(f"# {kills} kills")
    expect(kills >= 40, f"only {kills} kills: the calls are not seen")


finish()
