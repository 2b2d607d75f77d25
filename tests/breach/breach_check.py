#!/usr/bin/env python3
"""Every program, taken over inside its confinement: what the attacker reaches is what its row is for, and doc/breach.md says so

run alone: its attackers use up the processes of their users, which other instances share

    tests/breach/breach_check.py            compare with doc/breach.md
    tests/breach/breach_check.py --accept   write doc/breach.md anew; what is possible and not in goals.py still fails
"""
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/e2e"), str(ROOT / "tests/auth")]
from check import case, equal, expect, finish, skip  # noqa: E402
from checking import ask_once  # noqa: E402
from goals import GOALS, KERNELS_DIFFER, OWN, SINCE  # noqa: E402
from parts import as_user  # noqa: E402
from postern import Instance, wait_until  # noqa: E402

BUILD = ROOT / os.environ.get("BUILD", "build")
PAGE = ROOT / "doc/breach.md"
NOBODY = 65534
DENIED, REACHED = "denied", "own"
PROGRAMS = sorted(path.stem for folder in (BUILD / "tests/breach").iterdir() if folder.is_dir() for path in folder.iterdir()
                  if path.is_file() and "." not in path.name)
PROGRAMS = sorted([*PROGRAMS, "smtpd-submission"])  # the same program as another user
HEAD = """# A program that was taken over

This page is written by `tests/breach/breach_check.py --accept`; the test fails while it is not what the test finds. For every program of
`lib/os/manifest.h` an attacker goes on where `confine()` has done its work, started as the program is started, with its user, groups, descriptors,
directory, inherited filters and limits. It tries each goal, most of them in several ways. **own** is what the program's row is for, and why stands below
the table; all else is denied, by a filter (SIGSYS), by Landlock or by the modes of files and sockets.

It was found on a kernel with Landlock ABI 6 or later. With an older one, TCP connections, abstract sockets and signals are left to filters and modes: a
stranger's own TCP socket can be connected elsewhere before ABI 4.

"""
BY_SERVICE = {"tcplisten": "smtpd", "queue-inject": "queue-trusted", "queue-clean": "queue-clean", "queue-send": "queue-send",
              "bounce": "bounce", "dnsqd": "dnsqd", "local-spawn": "local-spawn", "remote-spawn": "remote-spawn",
              "queue-desk": "queue-desk", "countd": "countd", "check-spawn": "check-spawn", "shadow-spawn": "shadow-spawn", "authd": "authd", "tlskeyd": "tlskeyd", "tlsd": "tlsd",
              "login": "login"}  # those that a service is, and its name


class Place:
    """What attackers look for: a listener, an abstract socket, files to read and to lose, processes."""

    def __init__(self, mail):
        self.mail = mail
        self.bob = os.stat(mail.dir / "home/bob").st_uid
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.name = f"postern-breach-{os.getpid()}"
        self.abstract.bind(f"\0{self.name}")
        self.abstract.listen(200)
        self.put("home/bob/secret", 0o600, self.bob)
        self.put("home/bob/Maildir/new/letter", 0o600, self.bob)

    def put(self, name, mode=0o644, uid=0, gid=None):
        path = self.mail.dir / name
        path.write_text("x\n")
        os.chown(path, uid, uid if gid is None else gid)
        os.chmod(path, mode)

    @staticmethod
    def clear(program):
        """What an attacker could make outside the instance, now or in an earlier run: what is there cannot be made."""
        for folder in ("/", "/tmp", "/etc", "/dev/shm"):
            for path in pathlib.Path(folder).glob(f"breach-{program}*"):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink()

    def victims(self, program):
        """Files that only this program's plan names, as their owners would have made them."""
        victim = "breach-" + program
        self.clear(program)
        accounts = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in (self.mail.dir / "control/accounts").read_text().splitlines()}
        queue, send = accounts["pn-queue"][0], accounts["pn-send"]
        for end in ("read", "write", "truncate", "chmod", "unlink", "moved", "replaced"):
            self.put(f"queue/todo/00/{victim}.{end}", 0o640, queue, send[1])
        for end in ("own", "linked"):
            self.put(f"queue/tmp/{victim}.{end}", 0o640, queue, send[1])
        for end in ("read", "gone"):
            self.put(f"state/{victim}.{end}", 0o640, send[0], send[1])
        for end in ("cut", "gone", "mode"):
            self.put(f"home/bob/{victim}.{end}", 0o600, self.bob)
        for name in (f"control/{victim}.cut", f"users/{victim}.gone", f"bin/{victim}.old", f"run/queue-anyone/{victim}"):
            self.put(name)
        self.put(f"tls/keys/{victim}.key", 0o640, 0, accounts["pn-key"][1])

    def plan(self, program, processes):
        lines = []
        for goal, attempts in GOALS:
            for attempt in attempts:
                for pid in processes if "{pids}" in attempt else [""]:
                    words = attempt.format(dir=self.mail.dir, victim="breach-" + program, pids=pid, port=self.listener.getsockname()[1],
                                           abstract=self.name, bob=self.bob).split()
                    lines.append("\t".join([goal, *words]))
        (self.mail.dir / f"bin/{name_of(program)}.plan").write_text("\n".join(lines) + "\n")
        return len(lines)


def name_of(program):
    return program.removesuffix("-submission")


@contextlib.contextmanager
def taken_over(mail, program):
    """The attacker's build lies in the program's place; a running one is not changed by that."""
    program = name_of(program)
    built, = (BUILD / "tests/breach").glob(f"*/{program}")

    def place(source):
        shutil.copy(source, mail.dir / "bin/.new")
        os.rename(mail.dir / "bin/.new", mail.dir / "bin" / program)

    place(built)
    try:
        yield
    finally:
        place(BUILD / built.relative_to(BUILD / "tests/breach"))


def log_of(mail, program, service):
    done = re.compile(rf"^breach {name_of(program)}\tend$", re.M)
    wait_until(lambda: done.search(mail.log(service)), [mail.dir / "log" / service], 60, f"the end of {program}'s attack")
    return mail.log(service)


def text_of_attack(mail, program):
    """Starts the program as it is started in earnest, and gives what the attacker in it said."""
    alice = os.stat(mail.dir / "home/alice").st_uid
    if program in BY_SERVICE:
        service = mail.service(BY_SERVICE[program])
        service.stop()
        with taken_over(mail, program):
            subprocess.run(["s6-svc", "-o", str(service.directory)], check=True)
            text = log_of(mail, program, service.name)
        if program == "tcplisten":  # it turned its listening socket elsewhere: another one is bound
            number = (service.directory / "env/PORT").read_text().strip()
            for address in (service.directory / "env/ADDRESSES").read_text().split():
                subprocess.run(["s6-fdholder-delete", str(mail.dir / "run/fdholder/s"), f"smtpd/{address}/{number}"], check=True)
        service.start()
        return text
    with taken_over(mail, program):
        if name_of(program) == "smtpd":
            service = "smtpd" if program == "smtpd" else "submission"
            port = int((mail.dir / "service" / service / "env/PORT").read_text())
            with socket.create_connection((mail.host, port), timeout=60):
                return log_of(mail, program, service)
        if program in ("pop3-login", "pop3d"):
            with socket.create_connection((mail.host, int(mail.env["POP3_PORT"]))) as client:
                if program == "pop3-login":
                    return log_of(mail, program, "pop3")
                client.sendall(b"USER alice\r\nPASS secret\r\n")
                return log_of(mail, program, "login")
        if program == "shadow-check":
            as_user("pn-auth")(lambda: ask_once(mail, "shadow-spawn", uid=4101))
            return log_of(mail, program, "shadow-spawn")
        if program == "local":
            mail.send("alice", b"Subject: x\r\n\r\nx\r\n")
            return log_of(mail, program, "local-spawn")
        if program == "remote":
            equal(mail.inject("x@[127.0.0.9]", message=b"Subject: x\n\nx\n").returncode, 0)
            return log_of(mail, program, "remote-spawn")
        words = {"tcpbind": ["127.0.0.1", "0", "true"], "inject": ["alice"], "postern": ["help"], "user": ["list"], "domain": ["list"], "queue": ["list"], "dnsq": ["a", "localhost"],
                 "maildirmake": [str(mail.dir / "home/alice/Another")]}[program]
        uid = {"inject": NOBODY, "dnsq": NOBODY, "postern": NOBODY, "maildirmake": alice}.get(program)
        return mail.run(program, *words, uid=uid).stderr.decode()


def attack(place, program):
    """{goal: [(attempt's answer)]}"""
    mail = place.mail
    owner = {"smtpd": "pn-smtp", "smtpd-submission": "pn-submit", "tcplisten": "pn-smtp", "queue-inject": "pn-queue", "queue-clean": "pn-queue", "queue-send": "pn-send",
             "bounce": "pn-bounce", "dnsqd": "pn-dns", "queue-desk": "pn-desk", "countd": "pn-count", "check-spawn": "pn-check", "shadow-spawn": "pn-shadow", "shadow-check": "pn-shadow", "authd": "pn-auth", "tlskeyd": "pn-key", "tlsd": "pn-tls", "remote": "pn-remote", "remote-spawn": "pn-remote",
             "pop3-login": "pn-login", "pop3d": os.stat(mail.dir / "home/alice").st_uid, "local": os.stat(mail.dir / "home/alice").st_uid, "inject": NOBODY, "dnsq": NOBODY, "postern": NOBODY}.get(program, "root")
    place.victims(program)
    with subprocess.Popen(["tail", "-f", "/dev/null"], user=owner, stdin=subprocess.DEVNULL) as same_user:
        try:
            processes = [1, os.getpid(), same_user.pid, *list(mail.processes())]
            tried = place.plan(program, processes)
            text = text_of_attack(mail, program)
        finally:
            same_user.kill()
            place.clear(program)
    answers = {}
    for goal, answer in re.findall(rf"^breach {name_of(program)}\t([^\t\n]+)\t([^\t\n]+)$", text, re.M):
        answers.setdefault(goal, []).append(answer)
    equal(sum(map(len, answers.values())), tried, f"attempts of {program} that were made")
    return answers


def reached(answers):
    return {goal for goal, found in answers.items() if "possible" in found}


def page_text(table):
    rows = ["| goal | " + " | ".join(PROGRAMS) + " |", "|---" * (len(PROGRAMS) + 1) + "|"]
    for goal, _ in GOALS:
        rows.append(f"| {goal} | " + " | ".join(f"**{REACHED}**" if goal in table[one] else DENIED for one in PROGRAMS) + " |")
    whys = []
    for one in PROGRAMS:
        by_reason = {}
        for goal, _ in GOALS:
            if goal in table[one]:
                by_reason.setdefault(OWN[one].get(goal, "?"), []).append(goal)
        reached = "; ".join(f"{', '.join(goals)} ({reason})" for reason, goals in by_reason.items())
        whys.append(f"* **{one}**: {reached or 'nothing of these'}.")
    return HEAD + "\n".join(rows) + "\n\n## What each is for\n\n" + "\n".join(whys) + "\n"


def holds_attacker(binary):
    symbols = subprocess.run(["nm", "-C", str(binary)], check=True, capture_output=True, text=True).stdout
    return "postern::attack(" in symbols or b"turn-stranger" in binary.read_bytes()


TABLE = {}
COUNT = 0
LANDLOCK = max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))  # the version that landlock_create_ruleset() tells
LEFT_OPEN = {goal for goal, version in SINCE.items() if LANDLOCK < version}

if os.geteuid() != 0:
    @case("programs that are taken over")
    def _():
        skip("NOT SHOWN: services run as their own users, which takes root")
    finish()

ANSWERS = open(BUILD / "tests/breach/answers.txt", "w", encoding="ascii")  # each attempt's errno or signal, for a look
with Instance(users=("alice", "bob")) as instance:
    for name in ("alice", "bob"):
        equal(instance.run("user", "quota", name, "1G").returncode, 0)
    where = Place(instance)
    for one in PROGRAMS:
        @case(f"{one}, taken over, reaches what its row is for and nothing else")
        def _():
            global COUNT
            answers = attack(where, one)
            COUNT += sum(map(len, answers.values()))
            strange = [f"{goal}: {answer}" for goal, found in answers.items() for answer in found if not re.match("possible|errno (?!17$)|signal 31$", answer)]
            expect(not strange, "; ".join(strange[:5]))
            TABLE[one] = reached(answers)
            ANSWERS.writelines(f"{one}\t{goal}\t{' '.join(sorted(set(found)))}\n" for goal, found in answers.items())
            own = set(OWN.get(one, {}))
            TABLE[one] -= LEFT_OPEN - own
            TABLE[one] |= KERNELS_DIFFER.get(one, set()) & own
            expect(not TABLE[one] - own, f"POSSIBLE: {sorted(TABLE[one] - own)}")
            expect(not own - TABLE[one], f"no longer possible, so take it out of goals.py: {sorted(own - TABLE[one])}")


@case("doc/breach.md shows this table")
def _():
    expect(set(TABLE) == set(PROGRAMS), "an attack is missing")
    text = page_text(TABLE)
    if "--accept" in sys.argv:
        PAGE.write_text(text)
    equal(PAGE.exists() and PAGE.read_text() == text, True, "accept a change with tests/breach/breach_check.py --accept; is the page as found")


if LEFT_OPEN:
    @case("what only newer kernels deny")
    def _():
        skip(f"NOT SHOWN: this kernel's Landlock has version {LANDLOCK}, which leaves to filters and modes: {', '.join(sorted(LEFT_OPEN))}")


@case("no program that is installed holds an attacker")
def _():
    for name in sorted(set(map(name_of, PROGRAMS))):
        built, = (BUILD / "tests/breach").glob(f"*/{name}")
        equal((holds_attacker(built), holds_attacker(BUILD / built.relative_to(BUILD / "tests/breach"))), (True, False), name)


print(f"{len(PROGRAMS)} programs, {len(GOALS)} goals, {COUNT} attempts, {sum(map(len, TABLE.values()))} goals within a program's row", flush=True)
finish()
