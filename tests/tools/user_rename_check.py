#!/usr/bin/env python3
"""user rename: another name, the same mailbox: uid, mail, home, passwords, app passwords, a shut login, and every line of it"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

FIRST = 1_900_000_000
if os.getuid() != 0:
    case("user rename")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()


def put_mail(place, home, text="mail"):
    with open(place.file(home, "Maildir/new/1.a.host"), "w", encoding="ascii") as file:
        file.write(text)


def mail_of(place, home):
    with open(place.file(home, "Maildir/new/1.a.host"), encoding="ascii") as file:
        return file.read()


@case("uid, mail, password, its keys, app passwords and a shut login go with the name; the uid for the next mailbox stays")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        place.must("user", "add", "bob")
        place.must("user", "passwd", "alice", given="secret\n")
        place.must("user", "passwd", "bob", given="other\n")
        place.must("user", "apppass", "add", "alice", "phone", "--services", "imap")
        place.must("user", "disable", "alice")
        place.must("user", "quota", "alice", "3M", "7")
        put_mail(place, "home/alice")
        before, entry = place.users()["alice"], place.read("users/passwords").splitlines()[0]
        next_uid, inode = place.read("users/next-uid"), os.stat(place.file("home/alice/Maildir")).st_ino
        equal(place.must("user", "rename", "alice", "carol"), "")
        home = place.file("home/carol")
        equal(place.users()["carol"], {**before, "user": "carol", "home": home, "names": ["carol", "carol+*"]})
        expect("alice" not in place.users(), "the old name is there")
        equal(place.read("users/assign").splitlines()[:2], [f"=carol:carol:{FIRST}:{FIRST}:{home}:::", f"+carol+:carol:{FIRST}:{FIRST}:{home}:+::"])
        equal(sorted(place.read("users/passwords").splitlines())[1], "carol" + entry.removeprefix("alice"))
        equal(place.read("users/quotas"), "carol:3145728:7\n")
        equal((os.listdir(place.file("users/full")), os.stat(place.file("users/full/carol")).st_uid), (["carol"], FIRST))
        equal(place.read("users/next-uid"), next_uid)
        equal((mail_of(place, "home/carol"), os.stat(home + "/Maildir").st_ino, os.path.exists(place.file("home/alice"))), ("mail", inode, False))
        place.refuses("no such mailbox; one has the new name: it is renamed already, if you did: alice", "user", "rename", "alice", "carol")
        place.must("user", "add", "alice")
        equal((place.users()["alice"]["uid"], place.users()["alice"]["password"]), (FIRST + 2, "none"))


@case("virtual mailboxes: to another name, another domain, and from and to a name without one")
def _():
    with ToolDirectory() as place:
        place.write("control/virtualdomains", "shop.example:shop\n")
        place.must("user", "add", "info@example.org")
        place.must("user", "passwd", "info@example.org", given="x\n")
        put_mail(place, "home/example.org/info")
        old = "info@example.org"
        for name, local_name, home in [("sales@example.org", "example.org-sales", "example.org/sales"), ("buy@shop.example", "shop-buy", "shop.example/buy"),
                                       ("dora", "dora", "dora"), ("info@new.example", "new.example-info", "new.example/info")]:
            place.must("user", "rename", old, name)
            one = place.users()[name]
            equal((one["uid"], one["home"], one["names"], one["password"]), (FIRST, place.file("home", home), [local_name, local_name + "+*"], "set"), name)
            equal(mail_of(place, "home/" + home), "mail", name)
            old = name
        equal(place.read("control/virtualdomains"), "shop.example:shop\nexample.org:example.org\nnew.example:new.example\n")
        status = os.stat(place.file("home/new.example"))
        equal((status.st_uid, status.st_mode & 0o7777), (0, 0o711))
        place.refuses("leave out @", "user", "rename", old, "x@here.example")
        place.write("control/virtualdomains", place.read("control/virtualdomains") + "gone.example:\n")
        place.refuses("sends mail elsewhere", "user", "rename", old, "x@gone.example")
        equal(list(place.users()), [old])


@case("lines that were written by hand keep their names and become the new user's; so do their homes below the old one")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        home = place.file("home/alice")
        user = f"alice:{FIRST}:{FIRST}:{home}"
        place.write("users/assign", f"=alice:{user}:::\n+alice+:{user}:+::\n+alice-:{user}:-::\n=sales:{user}:::\n+lists-:{user}/lists:-:x:\n=alicex:other:5:5:/h/o:::\n.\n")
        place.must("user", "rename", "alice", "bob")
        home = place.file("home/bob")
        user = f"bob:{FIRST}:{FIRST}:{home}"
        equal(place.read("users/assign"), f"=bob:{user}:::\n+bob+:{user}:+::\n+bob-:{user}:-::\n=sales:{user}:::\n+lists-:{user}/lists:-:x:\n=alicex:other:5:5:/h/o:::\n.\n")


@case("a home elsewhere stays, and so does one that another mailbox reads; what lies at the new place is not touched")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as outside:
        os.chmod(outside, 0o711)
        place.must("user", "add", "eve", "--home", outside + "/eve")
        place.must("user", "rename", "eve", "eva")
        equal(place.users()["eva"]["home"], outside + "/eve")
        place.must("user", "add", "alice")
        place.must("user", "add", "second", "--uid", str(FIRST + 1), "--gid", str(FIRST + 1), "--home", place.file("home/alice"))
        place.must("user", "rename", "alice", "bob")
        equal((place.users()["bob"]["home"], place.users()["second"]["home"]), (place.file("home/alice"),) * 2)
        place.must("user", "del", "second")
        place.must("user", "rename", "bob", "alice")
        os.mkdir(place.file("home/carol"))
        open(place.file("home/carol/notes"), "w", encoding="ascii").close()
        before = place.read("users/assign")
        place.refuses("something lies where its home is to be", "user", "rename", "alice", "carol")
        equal((place.read("users/assign"), os.listdir(place.file("home/carol")), os.path.isdir(place.file("home/alice/Maildir"))), (before, ["notes"], True))
        place.must("user", "add", "dora")  # and one that a removed mailbox left empty makes way
        place.must("user", "del", "dora")
        place.must("user", "rename", "alice", "dora")
        equal(os.stat(place.file("home/dora/Maildir")).st_uid, FIRST + 1)
        equal(os.path.exists(place.file("home/alice")), False)


@case("a home that is a file system of its own stays, and the mailbox is renamed all the same")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        home = place.file("home/alice")
        script = f"mount --bind {home} {home} && mount -t tmpfs none {home} || exit 77; exec {tool('user')} rename alice bob"
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], env={"POSTERN_DIR": place.path, "PATH": os.environ["PATH"]}, check=False, capture_output=True, text=True)
        if done.returncode == 77 or "unshare" in done.stderr:
            skip("no mounts of one's own here")
        equal(done.returncode, 0, done.stderr)
        equal(place.users()["bob"]["home"], home)


@case("what cannot be is refused in one line, and changes nothing")
def _():
    with ToolDirectory() as place:
        for name in ["alice", "bob", "info@example.org"]:
            place.must("user", "add", name)
        place.must("user", "passwd", "alice", given="x\n")
        place.write("users/assign", place.read("users/assign").replace(".\n", "=taken:bob:5:5:/h/b:::\n+also+:bob:5:5:/h/b:+::\n.\n"))
        before = {name: place.read(name) for name in ["users/assign", "users/passwords", "users/next-uid", "control/virtualdomains"]}
        for part, *words in [("no such mailbox: nobody", "nobody", "carol"), ("such a mailbox already: bob", "alice", "bob"), ("already: alice", "alice", "alice"),
                             ("name already: taken", "alice", "taken"), ("name already: also+", "alice", "also"), ("usage: user rename OLD NEW", "alice"), ("missing",),
                             ("mailbox name", "alice", "A"), ("too many", "alice", "x", "y"), ("hold or lie in the home of info@example.org", "alice", "example.org"),
                             ("no option", "alice", "x", "--remove-mail")]:
            place.refuses(part, "user", "rename", *words)
        equal({name: place.read(name) for name in before}, before)
        equal(sorted(os.listdir(place.file("home"))), ["alice", "bob", "example.org"])
        done = place.run("user", "rename", "alice", "carol", prefix=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
        equal((done.code, done.err), (100, "user: only root may change mailboxes\n"))


@case("a user of the system is renamed by the system; grants of control/sendas are named")
def _():
    with ToolDirectory() as place, tempfile.TemporaryDirectory() as elsewhere:
        with open(elsewhere + "/passwd", "w", encoding="ascii") as file:
            file.write(open("/etc/passwd", encoding="utf-8").read() + f"carol:x:61240:61241::{elsewhere}/carol:/bin/sh\n")
        os.mkdir(elsewhere + "/carol", 0o700)
        os.chown(elsewhere + "/carol", 61240, 61241)
        script = f'mount --bind {elsewhere}/passwd /etc/passwd || exit 77; {tool("user")} add carol --system || exit 1; exec {tool("user")} rename carol dora'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], env={"POSTERN_DIR": place.path, "PATH": os.environ["PATH"]}, check=False, capture_output=True, text=True)
        if done.returncode == 77 or "unshare" in done.stderr:
            skip("no mounts of one's own here")
        equal(done.returncode, 100)
        contains(done.stderr, "a user of the system is renamed there")
        place.must("user", "add", "alice")
        place.write("control/sendas", "# who\nbob:@x.example\nalice:office@here.example\n")
        contains(place.must("user", "rename", "alice", "eve"), "control/sendas still has lines of alice")
        equal(place.must("user", "rename", "eve", "alice"), "")


finish()
