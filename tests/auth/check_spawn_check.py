#!/usr/bin/env python3
"""check-spawn and programs with checkpassword's interface: what they are given and what their ends mean, which are asked for whom,
how many at once, for how long, and that no password is seen anywhere else"""
import ast
import atexit
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from checking import answer, ask, processes_with, question  # noqa: E402
from parts import Parts, as_user, netstring, record  # noqa: E402

if os.geteuid() != 0:
    @case("check-spawn asks programs")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

parts = Parts().__enter__()
atexit.register(parts.__exit__)
PASSWORD = b"swordfish-\xc3\xa4-77 with blanks"
SLEEP = f"sleep 1000.{os.getpid()}"


def checker(name, text):
    """A program of the operator's."""
    path = os.path.join(parts.bin, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def place(name):
    """A FIFO that checkers of pn-check may use."""
    path = os.path.join(parts.path, name)
    os.mkfifo(path)
    os.chmod(path, 0o666)
    return path


def checkers(*lines):
    parts.control("checkers", "".join(line + "\n" for line in lines))


# Knows one password; says on descriptor 2 what it was given, but for the password itself: where that stood.
SEER = checker("seer", f"""#!/usr/bin/python3 -I
import os, sys
given = os.fdopen(3, "rb").read()
login, password, stamp = given.split(b"\\0")[:3]
seen = given.replace({PASSWORD!r}, b"<it>"), sys.argv[1:], sorted(os.environ.items()), sorted(os.listdir("/proc/self/fd"))
os.write(2, b"seen " + repr(seen).encode() + b"\\n")
if {PASSWORD!r} in open("/proc/self/cmdline", "rb").read() + open("/proc/self/environ", "rb").read():
    os.write(2, b"seen in words or environment\\n")
if password != {PASSWORD!r}:
    sys.exit(1)
os.environ["USER"] = "info@example.org" if login == b"alias" else login.decode()
os.execv(sys.argv[2], sys.argv[2:])
""")
# says how it ends by the password; the words behind its own run for "run"
ENDER = checker("ender", """#!/usr/bin/python3 -I
import os, signal, sys, time
word = os.fdopen(3, "rb").read().split(b"\\0")[1].decode()
if word.startswith("exit "):
    os._exit(int(word[5:]))
if word == "killed":
    os.kill(os.getpid(), 9)
if word.startswith("user "):
    os.execve(sys.argv[1], sys.argv[1:], {"USER": word[5:]})
if word == "nobody":
    os.execve(sys.argv[1], sys.argv[1:], {"HOME": "/"})
if word == "lies":
    os.write(1, b"USER=mallory\\n")
    os._exit(0)
if word == "much":
    os.write(1, b"x" * 1000000)
    os.execv(sys.argv[1], sys.argv[1:])
os._exit(1)
""")
SERVICE = parts.serve("check-spawn", ["auth/check-spawn"], user="pn-check")


def asked(function):
    """function(stream), as authd"""
    def run():
        with parts.connect("check-spawn") as stream:
            function(stream)
    as_user("pn-auth")(run)


@case("without control/checkers every password is wrong")
def _():
    asked(lambda stream: equal(ask(stream, b"alice", PASSWORD, number=9), ("N", 9, "")))


@case("a checker gets login, password and time on descriptor 3, and nothing else of them anywhere")
def _():
    checkers(f"* {SEER} -x")

    def run(stream):
        equal(ask(stream, b"alice", PASSWORD, service="imap", client="2001:db8::7"), ("Y", 1, "alice"))
        given, words, environment, descriptors = ast.literal_eval(SERVICE.wait_log(r"^seen (\(.*)$").group(1))
        login, password, stamp, rest = given.split(b"\0")
        equal((login, password, rest, stamp.isdigit()), (b"alice", b"<it>", b"", True))
        equal(words, ["-x", "/usr/bin/env", "-0"])
        equal([pair for pair in environment if pair[0] not in ("LC_CTYPE",)],
              [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("SERVICE", "imap"), ("TCPREMOTEIP", "2001:db8::7")])
        expect(set(descriptors) <= {"0", "1", "2", "3", "4"}, descriptors)  # 3 was closed; what lists and what tells
        expect("seen in" not in SERVICE.log(), SERVICE.log())
    asked(run)


@case("a checker in the shell may use what shells use: pipes, and programs that ask how a file will be read")
def _():
    shell = checker("shell", """#!/bin/sh
password=$(tr '\\0' '\\n' <&3 | sed -n 2p)
[ "$password" = right ] || exit 1
USER=alice exec "$@"
""")
    checkers(f"* {shell}")
    asked(lambda stream: equal((ask(stream, b"alice", b"right").kind, ask(stream, b"alice", b"wrong").kind), ("Y", "N")))
    checkers(f"* {SEER} -x")


@case("another login in USER is whose mailbox it is")
def _():
    asked(lambda stream: equal(ask(stream, b"alias", PASSWORD), ("Y", 1, "info@example.org")))


@case("no byte of the question is in the log or in check-spawn's memory afterwards")
def _():
    expect(PASSWORD not in open(SERVICE.log_path, "rb").read(), SERVICE.log())
    for secret in (PASSWORD, b"fish-77x"):
        asked(lambda stream: ask(stream, b"alice", secret))
        pid, found = SERVICE.process.pid, []
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                start, end = (int(number, 16) for number in line.split()[0].split("-"))
                if "[v" not in line:
                    memory.seek(start)
                    if secret in memory.read(end - start):
                        found.append(line.strip())
        equal(found, [])


@case("how a checker ends is what it says")
def _():
    checkers(f"* {ENDER}")
    want = {b"exit 1": ("N", 1, ""), b"anything": ("N", 1, ""), b"user bob": ("Y", 1, "bob"), b"nobody": ("Y", 1, "alice")}
    want |= dict.fromkeys((b"exit 0", b"exit 2", b"exit 111", b"exit 99", b"killed", b"lies", b"user ../bob", b"user ", b"much"), ("T", 1, f"{ENDER} failed"))

    def run(stream):
        equal({word: ask(stream, b"alice", word) for word in want}, want)
    asked(run)
    for line in (r"checker-failed program=\S+ exit=111", r"checker-failed program=\S+ signal=9", r"checker-failed program=\S+ error="):
        SERVICE.wait_log(line)


@case("several are asked in their order; one that cannot say keeps no other from saying")
def _():
    yes = checker("yes", '#!/bin/sh\nUSER=from-yes exec "$@"\n')
    no, later = (checker(name, f"#!/bin/sh\nexit {code}\n") for name, code in (("no", 1), ("later", 111)))
    cases = [([no, yes], ("Y", 1, "from-yes")), ([later, yes], ("Y", 1, "from-yes")), ([no, no], ("N", 1, "")), ([no, later, no], ("T", 1, f"{later} failed")),
             (["/nowhere/checker", yes], ("Y", 1, "from-yes")), (["/nowhere/checker"], ("T", 1, "execute /nowhere/checker: No such file or directory")),
             (["shadow"], ("N", 1, ""))]
    for programs, want in cases:
        checkers(*(f"* {program}" for program in programs))
        asked(lambda stream: equal(ask(stream, b"alice", b"x"), want, programs))
    checkers(f"@example.org {yes}", f"@ {no}")
    asked(lambda stream: equal([ask(stream, login, b"x").kind for login in (b"info@example.org", b"alice", b"info@other.example")], ["Y", "N", "N"]))
    checkers("* yes")
    asked(lambda stream: contains(ask(stream, b"alice", b"x").text, "control/checkers"))
    checkers(f"* {yes}")


@case("logins that cannot be, and passwords that no checker can be given, are wrong")
def _():
    def run(stream):
        equal([ask(stream, login, password).kind for login, password in
               ((b"../alice", b"x"), (b"", b"x"), (b"a" * 1000, b"x"), (b"alice", b"x" * 600), (b"alice", b"x"), (b"alice", b""))], ["N", "N", "N", "N", "Y", "Y"])
    asked(run)


@case("what authd would not send ends the connection; others than authd are not answered")
def _():
    nonsense = [b"\0\0\0\0", b"\xff" * 8, record(b"X"), record(b"C" + netstring(b"1")), question(b"alice", b"a\0b"), question(b"alice", b"x", uid=0), question(b"a" * 1025, b"x")]
    for bytes_ in nonsense:
        def run(stream):
            stream.sendall(bytes_)
            try:
                equal(stream.recv(10), b"", bytes_[:30])
            except ConnectionError:
                pass
        asked(run)

    def others():
        with parts.connect("check-spawn") as stream:
            try:
                stream.sendall(question(b"alice", b"x"))
                equal(stream.recv(10), b"")
            except ConnectionError:
                pass
    for user in ("pn-check", "pn-login", "nobody", 0):
        as_user(user)(others)


@case("16 run at once and the others wait; more than 200 that wait are put off")
def _():
    gate = place("gate")
    waits = checker("waits", f'#!/bin/sh\n: <{gate}\nUSER=bob exec "$@"\n')
    checkers(f"* {waits}")

    def run(stream):
        for number in range(300):
            stream.sendall(question(b"alice", b"x", number=number))
        put_off = [answer(stream) for _ in range(300 - 200 - 16)]
        equal({(one.kind, one.text) for one in put_off}, {("T", "too many passwords wait to be checked")})
        with open(f"/proc/{SERVICE.process.pid}/task/{SERVICE.process.pid}/children") as children:
            equal(len(children.read().split()), 16, "run at once")
        holder = os.open(gate, os.O_RDWR)  # from now on nobody waits there
        rest = [answer(stream) for _ in range(216)]
        os.close(holder)
        equal({(one.kind, one.text) for one in rest}, {("Y", "bob")})
    asked(run)


@case("one that does not end is ended after 20 seconds, with what it started", seconds=60)
def _():
    sleeper = checker("sleeper", f"#!/bin/sh\n{SLEEP} &\n{SLEEP}\n")
    checkers(f"* {sleeper}")
    asked(lambda stream: (stream.settimeout(40), equal(ask(stream, b"alice", b"x"), ("T", 1, f"{sleeper} did not end in time"))))
    SERVICE.wait_log("checker-late")
    checkers("* /bin/false")
    asked(lambda stream: equal(ask(stream, b"alice", b"x").kind, "N"))
    equal(processes_with(SLEEP), [])


@case("a checker can write no file and gain no right")
def _():
    tries = checker("tries", """#!/bin/sh
exec 2>/dev/null
for way in 'echo x >/tmp/postern-checker-was-here' 'su root -c true' 'cat /etc/shadow' 'kill -9 1'; do sh -c "$way" >/dev/null && exit 99; done
grep -q '^NoNewPrivs:.1' /proc/self/status && grep -q '^Seccomp:.2' /proc/self/status && exec "$@"
""")
    checkers(f"* {tries}")
    asked(lambda stream: equal(ask(stream, b"alice", b"x"), ("Y", 1, "alice")))


@case("told to stop, it answers what runs, and leaves")
def _():
    gate = place("last")
    last = checker("last-one", f'#!/bin/sh\n: <{gate}\nexec "$@"\n')
    checkers(f"* {last}")

    def run(stream):
        stream.sendall(question(b"alice", b"x"))
        writer = os.open(gate, os.O_WRONLY)  # it has opened it too
        told.send(b"s")
        told.recv(1)
        os.close(writer)
        equal(answer(stream), ("Y", 1, "alice"))
    import socket
    told, teller = socket.socketpair()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            teller.close()
            asked(run)
            code = 0
        finally:
            os._exit(code)
    equal(teller.recv(1), b"s")
    os.kill(SERVICE.process.pid, signal.SIGTERM)
    teller.send(b"g")
    equal(os.waitpid(child, 0)[1], 0)
    equal(SERVICE.process.wait(20), 0)


finish()
