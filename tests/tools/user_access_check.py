#!/usr/bin/env python3
"""user: what it keeps of passwords, app passwords, and logins that are shut"""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

if os.getuid() != 0:
    case("user and passwords")(lambda: skip("needs root: mailboxes belong to users of their own"))
    finish()


@case("a password that every client prepares alike gets the keys of SCRAM-SHA-256, made anew; another one has none")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        seen = set()
        for _ in range(2):
            place.must("user", "passwd", "alice", given="open sesame\n")
            iterations, salt, stored, server = place.read("users/passwords").rstrip("\n").split(":")[3].split(",")
            salted = hashlib.pbkdf2_hmac("sha256", b"open sesame", base64.b64decode(salt), int(iterations))
            client = hmac.digest(salted, b"Client Key", "sha256")
            equal(base64.b64decode(stored), hashlib.sha256(client).digest())
            equal(base64.b64decode(server), hmac.digest(salted, b"Server Key", "sha256"))
            seen.add(salt)
        equal((len(seen), int(iterations) >= 4096), (2, True))
        place.must("user", "passwd", "alice", given="\u65e5\u672c\n")
        equal(place.read("users/passwords").count(":"), 2, "keys of the password before are left")


@case("app passwords: each shown once, kept as a digest, named, limited to services, taken back alone")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        phone = place.must("user", "apppass", "add", "alice", "phone", "--services", "imap,pop3").strip()
        laptop = place.must("user", "apppass", "add", "alice", "laptop").strip()
        expect(phone != laptop and re.fullmatch("[a-z2-7]{28}", phone) and re.fullmatch("[a-z2-7]{28}", laptop), "not 140 bits each")
        digest = lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()  # noqa: E731
        equal(place.read("users/passwords"), f"alice:*:::phone/imap,pop3/{digest(phone)};laptop//{digest(laptop)}\n")
        equal(json.loads(place.must("user", "apppass", "list", "alice", "--json")),
              [{"name": "phone", "services": ["imap", "pop3"]}, {"name": "laptop", "services": []}])
        contains(place.must("user", "apppass", "list", "alice"), "imap,pop3")
        equal((place.users()["alice"]["password"], place.users()["alice"]["apppasses"]), ("none", 2))
        place.refuses("already: phone", "user", "apppass", "add", "alice", "phone")
        place.must("user", "passwd", "alice", given="x\n")
        place.must("user", "apppass", "del", "alice", "phone")
        place.refuses("no app password", "user", "apppass", "del", "alice", "phone")
        equal(json.loads(place.must("user", "apppass", "list", "alice", "--json")), [{"name": "laptop", "services": []}])
        for words in [["add", "alice", "x", "--services", "ftp"], ["add", "alice", "x", "--services", "imap,imap"], ["add", "alice", "X"], ["add", "alice"],
                      ["add", "alice", "a" * 33], ["del", "nobody", "x"], ["list", "nobody"], ["add", "nobody", "x"], ["frob", "alice"], []]:
            equal(place.run("user", "apppass", *words).code, 100, str(words))
        place.must("user", "apppass", "del", "alice", "laptop")
        place.must("user", "del", "alice")
        equal(place.read("users/passwords"), "")


@case("a login is shut and opened again, whether it has a password or not")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        for _ in range(2):
            place.must("user", "disable", "alice")
            equal((place.read("users/passwords"), place.users()["alice"]["password"]), ("alice:*:disabled\n", "disabled"))
        place.must("user", "enable", "alice")
        equal(place.read("users/passwords"), "")
        place.must("user", "passwd", "alice", given="\u65e5\u672c\n")  # without keys
        before = place.read("users/passwords")
        place.must("user", "disable", "alice")
        equal(place.read("users/passwords"), before.rstrip("\n") + "disabled\n")
        place.must("user", "enable", "alice")
        equal(place.read("users/passwords"), before)
        place.refuses("no such mailbox", "user", "disable", "nobody")


@case("app passwords and passwords that are set at once lose nothing")
def _():
    with ToolDirectory() as place:
        place.must("user", "add", "alice")
        place.must("user", "add", "bob")
        orders = [["apppass", "add", name, f"app{i}"] for i in range(12) for name in ("alice", "bob")] + [["disable", "bob"]]
        children = [subprocess.Popen([tool("user"), *words], env={"POSTERN_DIR": place.path}, stdout=subprocess.DEVNULL) for words in orders]
        equal([child.wait() for child in children], [0] * len(orders))
        users = place.users()
        equal([(users[name]["password"], users[name]["apppasses"]) for name in ("alice", "bob")], [("none", 12), ("disabled", 12)])


finish()
