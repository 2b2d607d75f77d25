"""answerers - programs that answer questions, as tests/auth/*_fault_check.py kills and fails them: how each is started, what it is asked,
which answers are right, and which must never come

An answer is a letter of the protocol, "end" where the connection ended, "!..." where something must not be.
"""
import grp
import itertools
import os
import pathlib
import socket

from answering import becomes
from auth_place import crypt
from login_place import Authd, ask as ask_login, request, ticket_for
from own_etc import add_users, own_etc
from parts import as_user, netstring, read_record, record, take_fields

CHECKER = """#!/bin/sh
login=$(tr '\\0' '\\n' <&3)
case $login in
  alice*secret*) USER=alice exec "$@" ;;
esac
exit 1
"""
SYSTEM_UID = 4101


def over_streams(service, asker, questions):
    """The first letter of each question's answer; a connection and a process of the asker's for all of them."""
    reader, writer = os.pipe()

    def talk():
        for question in questions:
            try:
                with socket.socket(socket.AF_UNIX) as stream:
                    stream.settimeout(30)
                    stream.connect(os.path.join("run", service, "s"))
                    stream.sendall(question)
                    said = take_fields(read_record(stream))[0].decode()
            except (EOFError, ConnectionError):
                said = "end"
            os.write(writer, said.encode() + b"\n")
    try:
        as_user(asker)(talk)
    finally:
        os.close(writer)
        with os.fdopen(reader) as lines:
            text = lines.read()
    return text.split()


def running(path):
    """Processes that run this program."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/exe") == path:
                found.append(int(name))
        except OSError:  # it has ended
            pass
    return found


class Answerer:
    """`role` as points has it; `right` the answers when nothing goes wrong; `never` those that must not come, for each question."""

    role, group, right, never = "main", None, (), ()

    def ask(self):
        raise NotImplementedError

    def settle(self):
        """Waits until nothing is left of what was asked; "" or what stays."""
        return ""


class Countd(Answerer):
    name = service = "countd"
    words, user = ["auth/countd"], "pn-count"
    right, never = ("Y", "Y"), ("", "")

    def ask(self):
        """A count of its own each time: within its limit."""
        question = record(b"T" + b"".join(map(netstring, (b"key", b"1", b"0", b"0", b"0"))))
        return over_streams(self.service, "pn-submit", [question] * 2)


def check_question(login, password, uid=1000):
    return record(b"C" + b"".join(map(netstring, (b"1", login, password, b"pop3", b"192.0.2.1", b"%d" % uid))))


class CheckSpawn(Answerer):
    name = service = "check-spawn"
    words, user = ["auth/check-spawn"], "pn-check"
    right, never = ("N", "Y"), ("Y", "N")

    def __init__(self, parts):
        path = pathlib.Path(parts.bin, "checker")
        path.write_text(CHECKER)
        path.chmod(0o755)
        parts.control("checkers", f"* {path}\n")

    def ask(self):
        return over_streams(self.service, "pn-auth", [check_question(b"alice", b"wrong"), check_question(b"alice", b"secret")])


class ShadowSpawn(Answerer):
    """Its group is shadow's alone, since points gives no other ones."""

    service, user = "shadow-spawn", "pn-shadow"

    def __init__(self, parts, name, role, questions=("right", "wrong", "of another uid")):
        self.name, self.role, self.group = name, role, grp.getgrnam("shadow").gr_gid
        self.words = ["auth/shadow-spawn", parts.program("auth/shadow-check")]
        known = {"right": (b"secret", SYSTEM_UID, "Y", "N"), "wrong": (b"wrong", SYSTEM_UID, "N", "Y"), "of another uid": (b"secret", SYSTEM_UID + 1, "N", "Y")}
        chosen = [known[question] for question in questions]
        self.questions = [check_question(b"alice", password, uid) for password, uid, _, _ in chosen]
        self.right, self.never = [right for _, _, right, _ in chosen], [never for _, _, _, never in chosen]

    def ask(self):
        return over_streams(self.service, "pn-auth", self.questions)

    def settle(self):
        path = self.words[1]
        return "" if becomes(lambda: not running(path)) else "a shadow-check stays"


class Login(Answerer):
    """Three tickets: for a home that is not the mailbox's, one that authd does not know, a good one."""

    service, user, words = "login", None, ()
    right, never = ("N", "N", "Y"), ("Y", "Y", "")
    numbers = itertools.count(1)

    def __init__(self, parts, authd, name, role):
        self.name, self.role, self.authd = name, role, authd
        self.pop3d = parts.program("pop3d/pop3d")
        self.words = ["auth/login", self.pop3d]
        self.uid, self.home, _ = parts.mailboxes["alice"]
        self.answers = [ticket_for("alice", self.uid, parts.path), record(b"N" + netstring(b"no such ticket")), ticket_for("alice", self.uid, self.home)]

    def ask(self):
        said = []
        for answer in self.answers:
            ticket = b"%032x" % next(self.numbers)
            self.authd.tickets[ticket] = answer
            held = []
            letter, greeting = ask_login(request(ticket=ticket), hold=held)
            trouble = self.look_at_sessions(ticket)
            if not trouble and letter == b"Y" and not greeting.startswith(b"+OK"):
                trouble = "Y and then an end"
            held[0].close()
            said.append(f"!{trouble}" if trouble and answer is not self.answers[2] else trouble or letter.decode() or "end")
        return said

    def look_at_sessions(self, ticket):
        """"!..." when one is somebody whom it must not be."""
        if [fields[1] for _, fields in self.authd.heard].count(ticket) > 1:
            return "!a ticket was used twice"
        for pid in running(self.pop3d):
            try:
                with open(f"/proc/{pid}/status") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                home = os.readlink(f"/proc/{pid}/cwd")
            except OSError:  # it has ended
                continue
            who = (status["Uid"].split(), status["Gid"].split(), status["Groups"].split(), int(status["CapEff"], 16), int(status["CapPrm"], 16), home)
            if who != ([str(self.uid)] * 4, [str(self.uid)] * 4, [], 0, 0, self.home):
                return f"!a session is {who}"
        return ""

    def settle(self):
        return "" if becomes(lambda: not running(self.pop3d)) else "a session stays"


def logins(parts):
    parts.user("alice")
    authd = Authd(parts)
    return [Login(parts, authd, "login", "main"), Login(parts, authd, "login, before it is the mailbox's user", "fork")]


def shadows(parts):
    """None where this machine makes no mount name space."""
    if not own_etc():
        return None
    add_users({"alice": (SYSTEM_UID, crypt("secret", "$6$rounds=1000$saltsaltsalt") + ":::::::")})
    return [ShadowSpawn(parts, "shadow-spawn", "main"), ShadowSpawn(parts, "shadow-spawn, starting shadow-check", "fork", ("right",)),
            ShadowSpawn(parts, "shadow-check, a right password", "exec", ("right",)),
            ShadowSpawn(parts, "shadow-check, a wrong password", "exec", ("wrong", "of another uid"))]
