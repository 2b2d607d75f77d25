#!/usr/bin/env python3
"""user: mailboxes are made whole or not at all, uids are never given out twice, and nothing follows an owner's links"""
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
import crypt  # noqa: E402 pylint: disable=deprecated-module,wrong-import-position

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

FIRST = 1_900_000_000
if os.getuid() != 0:
    case("user")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()


def owner_and_mode(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))


@case("a mailbox is in assign, has a home and a Maildir of its own, and is listed")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        home = place.file("home/alice")
        equal(place.read("users/assign"), f"=alice:alice:{FIRST}:{FIRST}:{home}:::\n+alice+:alice:{FIRST}:{FIRST}:{home}:+::\n.\n")
        for name in ["", "/Maildir", "/Maildir/tmp", "/Maildir/new", "/Maildir/cur"]:
            equal(owner_and_mode(home + name), (FIRST, FIRST, "0o700"), name)
        for name, mode in [("users/assign", "0o644"), ("users/cdb", "0o644"), ("users/next-uid", "0o600")]:
            equal(owner_and_mode(place.file(name)), (0, 0, mode), name)
        equal(place.users(), {"alice": {"user": "alice", "uid": FIRST, "gid": FIRST, "home": home, "password": "none", "apppasses": 0,
                                        "quota": None, "names": ["alice", "alice+*"]}})
        expect(re.search(rf"^alice +{FIRST} +{FIRST} +none +0 +none +{home}$", place.must("user", "list"), re.M), "the list has no such line")
        place.refuses("already: alice", "user", "add", "alice")
        equal(sorted(os.listdir(place.file("users"))), ["assign", "cdb", "full", "lock", "next-uid"])


@case("a virtual mailbox gets its domain into virtualdomains once, and lies below it")
def _():
    with ToolDirectory() as place:
        place.write("control/virtualdomains", "# ours\nshop.example:shop")
        for name in ["info@example.org", "sales@example.org", "buy@shop.example", "alice@wild.example"]:
            place.must("user", "add", name)
        equal(place.read("control/virtualdomains"), "# ours\nshop.example:shop\nexample.org:example.org\nwild.example:wild.example\n")
        users = place.users()
        equal(users["info@example.org"]["names"][0], "example.org-info")
        equal(users["buy@shop.example"]["names"][0], "shop-buy")
        equal(owner_and_mode(place.file("home/example.org")), (0, 0, "0o711"))
        equal(owner_and_mode(place.file("home/example.org/sales"))[0], users["sales@example.org"]["uid"])
        expect(users["info@example.org"]["uid"] != users["sales@example.org"]["uid"], "two mailboxes share a uid")
        place.refuses("leave out @", "user", "add", "x@here.example")
        place.write("control/virtualdomains", "gone.example:\n")
        place.refuses("sends mail elsewhere", "user", "add", "x@gone.example")
        equal(place.read("control/virtualdomains"), "gone.example:\n")


@case("names and options that cannot be are refused in one line")
def _():
    with ToolDirectory() as place:
        for name in ["", "Alice", "a:b", "a/b", "../x", ".x", "a b", "a\nb", "a+b", "-x", "x@", "@x", "a" * 65, "b\u00fccher", "a@b@c"]:
            done = place.run("user", "add", name)
            equal((done.code, done.err.count("\n")), (100, 1), repr(name))
        for words in [["add", "a", "--uid", "5"], ["add", "a", "--uid", "0", "--gid", "5"], ["add", "a", "--home", "x"],
                      ["add", "a", "--home", "/x/../y"], ["add", "a", "--home", "/a:b"], ["add", "a", "--home"],
                      ["add", "a", "--system", "--uid", "5", "--gid", "5"], ["add", "a@b", "--system"], ["add", "a", "--json"],
                      ["add", "a", "b"], ["list", "x"], ["del"], ["passwd"], ["frob"], []]:
            done = place.run("user", *words)
            equal((done.code, done.err.count("\n")), (100, 1), str(words))
        expect(not os.path.exists(place.file("users/assign")), "something was written")


@case("a uid is not given out again, neither after del nor when lines were written by hand")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "a")
        place.must("user", "del", "a", "--remove-mail")
        place.must("user", "add", "a")
        equal(place.users()["a"]["uid"], FIRST + 1)
        text = place.read("users/assign")
        place.write("users/assign", text.replace(".\n", f"=hand:hand:{FIRST + 500}:5:/h/hand:::\n.\n"))
        place.must("user", "add", "b")
        equal(place.users()["b"]["uid"], FIRST + 501)
        place.write("users/next-uid", "12\n")
        place.refuses("users/next-uid", "user", "add", "c")
        place.write("users/next-uid", "2147483647\n")
        place.refuses("all uids", "user", "add", "c")


@case("mailboxes that are added at once do not collide")
def _():
    with ToolDirectory() as place:
        names = [f"user{i}" if i % 2 else f"user{i}@example.org" for i in range(24)]
        children = [subprocess.Popen([tool("user"), "add", name], env={"POSTERN_DIR": place.path}) for name in names]
        equal([child.wait() for child in children], [0] * len(names))
        users = place.users()
        equal(sorted(users), sorted(names))
        equal(sorted(one["uid"] for one in users.values()), list(range(FIRST, FIRST + len(names))))
        equal(place.read("control/virtualdomains"), "example.org:example.org\n")


def killed_at(place, call, number, *words):
    """Runs a tool that is killed when it makes this system call for the number-th time. False: it came to its end."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}",
                           tool(words[0]), *words[1:]], env={"POSTERN_DIR": place.path, "PATH": os.environ["PATH"]}, capture_output=True, check=False)
    if done.returncode in (-9, 137):
        return True
    equal(done.returncode, 0, f"{call} {number}: {done.stderr.decode()}")
    return False


@case("killed at any step, add leaves users that can be read, and done again it succeeds with a uid of its own", seconds=300)
def _():
    if not shutil.which("strace"):
        skip("strace is not here")
    kills = 0
    for call in ["write", "fsync", "renameat", "mkdirat", "fchown", "unlinkat"]:
        number = 1
        while True:
            with ToolDirectory() as place:
                place.must("user", "add", "first")
                if not killed_at(place, call, number, "user", "add", "info@example.org"):
                    break
                kills += 1
                seen = {os.lstat(os.path.join(top, name)).st_uid for top, names, _ in os.walk(place.file("home")) for name in names}
                expect("first" in place.users(), f"{call} {number}: another mailbox is gone")
                done = place.run("user", "add", "info@example.org")
                expect(done.code == 0 or "already" in done.err, f"{call} {number}: {done.err}")
                users = place.users()
                uid = users["info@example.org"]["uid"]
                expect(done.code != 0 or uid not in seen, f"{call} {number}: the uid of a killed run was given out again")
                equal(owner_and_mode(place.file("home/example.org/info/Maildir/new"))[0], uid, f"{call} {number}")
                equal(place.read("control/virtualdomains"), "example.org:example.org\n")
                equal([name for name in os.listdir(place.file("users")) if name.endswith(".new")], [], f"{call} {number}")
            number += 1
    expect(kills >= 20, f"only {kills} kills: the steps are not seen")


@case("killed at any step, del done again takes the mailbox away, and its mail when asked", seconds=300)
def _():
    if not shutil.which("strace"):
        skip("strace is not here")
    for call in ["write", "fsync", "renameat", "unlinkat"]:
        number = 1
        while True:
            with ToolDirectory() as place:
                place.must("user", "add", "alice")
                place.must("user", "add", "bob")
                place.must("user", "passwd", "alice", given="x\n")
                if not killed_at(place, call, number, "user", "del", "alice", "--remove-mail"):
                    break
                done = place.run("user", "del", "alice", "--remove-mail")
                expect(done.code == 0 or "no such mailbox" in done.err, f"{call} {number}: {done.err}")
                equal(sorted(place.users()), ["bob"], f"{call} {number}")
                expect(not os.path.exists(place.file("home/alice")), f"{call} {number}: mail is left")
                equal(place.read("users/passwords"), "", f"{call} {number}")
            number += 1
        expect(number > 1, f"{call} was never made")


@case("a password is hashed by yescrypt, opens, and is gone with its mailbox")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "info@example.org")
        place.must("user", "passwd", "info@example.org", given="secret \u00fc:x\nrest\n")
        login, hashed, flags, *_ = place.read("users/passwords").rstrip("\n").split(":")
        equal((login, flags), ("info@example.org", ""))
        expect(hashed.startswith("$y$"), hashed)
        equal(crypt.crypt("secret \u00fc:x", hashed), hashed)
        expect(owner_and_mode(place.file("users/passwords"))[2] in ("0o600", "0o640"), "readable for others")
        equal(place.users()["info@example.org"]["password"], "set")
        place.write("users/passwords", f"{login}:{hashed}:disabled\n")
        equal(place.users()["info@example.org"]["password"], "disabled")
        place.must("user", "passwd", "info@example.org", given="other\n")
        contains(place.read("users/passwords"), ":disabled:")
        for text in ["", "\n", "x" * 512 + "\n", "a\0b\n"]:
            place.refuses("password:", "user", "passwd", "info@example.org", given=text)
        place.refuses("no such mailbox", "user", "passwd", "nobody", given="x\n")
        place.must("user", "del", "info@example.org")
        equal(place.read("users/passwords"), "")


@case("from a terminal a password is asked for twice and never shown")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        for second, code in [("hidden", 0), ("hiddem", 100)]:
            pid, terminal = pty.fork()
            if pid == 0:
                os.execve(tool("user"), ["user", "passwd", "alice"], {"POSTERN_DIR": place.path})
            shown = b""
            for prompt, answer in [(b"New password: ", "hidden"), (b"Once more: ", second)]:
                while prompt not in shown:
                    shown += os.read(terminal, 1000)
                os.write(terminal, answer.encode() + b"\n")
            try:
                while more := os.read(terminal, 1000):
                    shown += more
            except OSError:
                pass  # the terminal is closed at its other end
            equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), code)
            os.close(terminal)
            expect(b"hidde" not in shown, f"shown: {shown!r}")
        hashed = place.read("users/passwords").split(":")[1]
        equal(crypt.crypt("hidden", hashed), hashed)


@case("a broken users file is named with its line, and changes nothing")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        database = open(place.file("users/cdb"), "rb").read()
        good = place.read("users/assign")
        place.write("users/assign", "=ok:ok:5:5:/h/ok:::\n=bad:bad:x:5:/h/bad:::\n.\n")
        for words in [["rebuild"], ["add", "bob"], ["del", "alice"], ["list"]]:
            place.refuses("users/assign line 2", "user", *words)
        equal(open(place.file("users/cdb"), "rb").read(), database)
        place.write("users/assign", good + "x\n")
        place.refuses("users/assign line 3", "user", "rebuild")
        place.write("users/assign", good)
        os.unlink(place.file("users/cdb"))
        place.must("user", "rebuild")
        equal(open(place.file("users/cdb"), "rb").read(), database)


@case("a reader sees the old database or the new one, whole")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        child = subprocess.Popen(["sh", "-c", f"for i in 1 2 3 4 5 6 7 8 9 10; do {tool('user')} rebuild || exit 1; done"],
                                 env={"POSTERN_DIR": place.path})
        whole, reads = open(place.file("users/cdb"), "rb").read(), 0
        while child.poll() is None:
            with open(place.file("users/cdb"), "rb") as file:
                equal(file.read(), whole)
            reads += 1
        equal(child.returncode, 0)
        expect(reads > 10, "hardly any read")


@case("homes of different users do not lie in one another; given uids and homes are taken")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as outside:
        home = os.path.join(outside, "mail", "bob")
        place.must("user", "add", "bob", "--uid", "61234", "--gid", "61235", "--home", home + "/")
        equal(owner_and_mode(home + "/Maildir/cur"), (61234, 61235, "0o700"))
        equal(owner_and_mode(outside + "/mail"), (0, 0, "0o711"))
        for other in [home, home + "/Maildir/x", outside + "/mail", "/"]:
            done = place.run("user", "add", "eve", "--uid", "61236", "--gid", "61236", "--home", other)
            equal(done.code, 100, other)
        expect(not os.path.exists(home + "/Maildir/x"), "a home inside another was made")
        place.must("user", "add", "third", "--uid", "61237", "--gid", "61237", "--home", outside + "/third")
        shutil.rmtree(outside + "/third")
        place.must("user", "del", "third")
        place.must("user", "add", "second", "--uid", "61234", "--gid", "61235", "--home", home)
        place.must("user", "add", "info@example.org")
        place.refuses("home of info@example.org", "user", "add", "example.org")
        place.write("control/accounts", "\n".join(f"pn-{name} {990 + i} {990 + i}" for i, name in
                                                   enumerate(["smtp", "submit", "queue", "send", "bounce", "remote", "log", "dns", "desk", "tls", "tlsc", "key", "auth", "count", "login", "check",
                                                              "shadow"])))
        place.refuses("belongs to one of Postern's programs", "user", "add", "x", "--uid", "992", "--gid", "5")
        open(home + "/notes", "w", encoding="ascii").close()
        place.refuses("also that of second", "user", "del", "bob", "--remove-mail")
        place.must("user", "del", "second")
        place.must("user", "del", "bob", "--remove-mail")
        equal(os.listdir(home), ["notes"], "outside Postern's directory only the Maildir goes")
        place.must("user", "add", "bob", "--uid", "61234", "--gid", "61235", "--home", home)
        shutil.rmtree(outside + "/mail")
        place.must("user", "del", "bob", "--remove-mail")


@case("an empty home that was left makes way; one with mail in it does not")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        place.must("user", "del", "alice")
        place.must("user", "add", "alice")
        equal(owner_and_mode(place.file("home/alice/Maildir/new"))[0], FIRST + 1)
        open(place.file("home/alice/Maildir/new/1"), "w", encoding="ascii").close()
        place.must("user", "del", "alice")
        place.refuses("belongs to somebody else", "user", "add", "alice")
        expect(os.path.exists(place.file("home/alice/Maildir/new/1")), "mail is gone")
        place.must("user", "add", "alice", "--uid", str(FIRST + 1), "--gid", str(FIRST + 1))
        equal(place.users()["alice"]["uid"], FIRST + 1)


@case("links that an owner left in a home lead nowhere")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as victim:
        os.makedirs(victim + "/new")
        open(victim + "/file", "w", encoding="ascii").close()
        before = [owner_and_mode(victim + name) for name in ["", "/new", "/file"]]
        uid = ["--uid", "61234", "--gid", "61234"]
        for number, link in enumerate(["", "/Maildir", "/Maildir/new"]):
            home = place.file(f"home/user{number}")
            os.makedirs(os.path.dirname(home + link), exist_ok=True)
            os.symlink(victim, home + link)
            for directory in [home, home + "/Maildir"]:
                if os.path.isdir(directory) and not os.path.islink(home) and not os.path.islink(directory):
                    os.chown(directory, 61234, 61234)
            equal(place.run("user", "add", f"user{number}", *uid).code, 111, link)
        equal([owner_and_mode(victim + name) for name in ["", "/new", "/file"]], before)
        for number, text in enumerate(["file", "directory"]):
            home = place.file(f"home/other{number}")
            os.makedirs(home)
            os.chown(home, 61234, 61234)
            os.mkdir(home + "/Maildir") if text == "directory" else open(home + "/Maildir", "w", encoding="ascii").close()
            expect(place.run("user", "add", f"other{number}", *uid).code != 0, f"somebody else's {text} was taken")
            equal(owner_and_mode(home + "/Maildir")[0], 0)


@case("removing mail stays below the home, whatever lies there")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as victim:
        open(victim + "/file", "w", encoding="ascii").close()
        os.mkdir(victim + "/sub")
        place.must("user", "add", "alice")
        maildir = place.file("home/alice/Maildir")
        os.symlink(victim, maildir + "/.Sent")
        os.symlink(victim + "/file", maildir + "/new/1")
        os.link(victim + "/file", maildir + "/new/2")
        os.mkfifo(maildir + "/new/fifo")
        os.mkdir(maildir + "/closed", 0)
        os.mkdir(maildir + "/.removed-1")
        open(maildir + "/.removed-1/x", "w", encoding="ascii").close()
        here = os.open(maildir, os.O_RDONLY)
        for _ in range(3000):  # deeper than any path or any recursion
            os.mkdir("d", dir_fd=here)
            os.symlink("/", "root", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
        place.must("user", "del", "alice", "--remove-mail")
        expect(not os.path.exists(place.file("home/alice")), "the home is left")
        equal(sorted(os.listdir(victim)), ["file", "sub"])
        equal(os.stat(victim + "/file").st_nlink, 1)


@case("a user of the system keeps uid, gid and home")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as elsewhere:
        home = elsewhere + "/carol"
        os.mkdir(home, 0o700)
        os.chown(home, 61240, 61241)
        with open(elsewhere + "/passwd", "w", encoding="ascii") as file:
            file.write(open("/etc/passwd", encoding="utf-8").read() + f"carol:x:61240:61241::{home}:/bin/sh\n")
        script = f'mount --bind {elsewhere}/passwd /etc/passwd || exit 77; exec {tool("user")} add carol --system'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], env={"POSTERN_DIR": place.path, "PATH": os.environ["PATH"]}, check=False,
                              capture_output=True, text=True)
        if done.returncode == 77 or "unshare" in done.stderr:
            skip("no mounts of one's own here")
        equal(done.returncode, 0, done.stderr)
        equal(owner_and_mode(home + "/Maildir/tmp"), (61240, 61241, "0o700"))
        equal(place.users()["carol"]["home"], home)
        place.refuses("/etc/passwd has no user nosuchuser", "user", "add", "nosuchuser", "--system")
        place.refuses("0", "user", "add", "root", "--system")


@case("others may list, without passwords, and change nothing")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        place.must("user", "passwd", "alice", given="x\n")
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        done = place.run("user", "list", prefix=nobody)
        equal(done.code, 0, done.err)
        contains(done.out, "unknown")
        for words in [["add", "bob"], ["del", "alice"], ["rebuild"], ["passwd", "alice"]]:
            done = place.run("user", *words, prefix=nobody, given="x\n")
            equal((done.code, done.err), (100, "user: only root may change mailboxes\n"))


@case("without Postern's directory it says how to name it")
def _():
    for path in ["/nonexistent", "/"]:
        done = subprocess.run([tool("user"), "list", "--dir", path], env={}, capture_output=True, text=True, check=False)
        equal(done.returncode, 100)
        contains(done.stderr, "--dir")


finish()
