#!/usr/bin/env python3
"""tcplisten and tcpbind, as root in a network of their own: what a session gets, limits, TERM, users, refusals"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
import own_network  # noqa: E402
from check import case, contains, equal, expect, finish, skip  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
LISTEN, BIND = os.path.join(BUILD, "tools", "tcplisten"), os.path.join(BUILD, "tools", "tcpbind")
UID, GID, GROUP = 61001, 61002, 61003
USER = {"UID": str(UID), "GID": str(GID), "GIDLIST": f"{GID},{GROUP}"}
PORT = 2525
HAS_NETWORK = own_network.enter()

work = tempfile.TemporaryDirectory(prefix="tcplisten-")
os.chmod(work.name, 0o755)
CHILD = os.path.join(work.name, "child")
subprocess.run(["g++", "-std=c++20", "-O1", "-static", "-o", CHILD, os.path.join(ROOT, "tests/tools/session_child.cc")], check=True)


def need_network():
    if not HAS_NETWORK:
        skip("a network of one's own takes root")


class Server:
    """A tcplisten that is ready; its log lines come as dictionaries."""

    def __init__(self, *words, user=USER, listener=None, chain=(), descriptors=()):
        ready, tell = os.pipe()
        self.process = subprocess.Popen([*chain, LISTEN, *words], env={**user, "NOTIFY": str(tell), "SECRET": "x"}, stderr=subprocess.PIPE,
                                        stdin=listener or subprocess.DEVNULL, pass_fds=[tell, *descriptors], text=True)
        os.close(tell)
        equal(os.read(ready, 10), b"\n", "readiness")
        os.close(ready)

    def event(self, name):
        for line in self.process.stderr:
            fields = dict(field.split("=", 1) for field in line.split())
            if fields["event"] == name:
                return fields
        raise AssertionError(f"the log ended before event={name}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.event("status")
        equal(self.process.wait(), 0, "exit code on TERM")
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.process.stderr.close()


class Session:
    """A connection, and what its program said it was given."""

    def __init__(self, address="127.0.0.1", source=None):
        self.socket = socket.create_connection((address, PORT), timeout=20, source_address=(source, 0) if source else None)
        self.lines = self.socket.makefile("r")
        self.given = []

    def begin(self):
        for line in self.lines:
            if line == ".\n":
                return self
            self.given.append(line.rstrip("\n"))
        return self

    def of(self, kind):
        return [line.split(" ", 1)[1] for line in self.given if line.startswith(kind + " ")]

    def say(self, text):
        self.socket.sendall(text.encode())

    def answers(self, text="hello\n"):
        self.say(text)
        return self.lines.readline() == text

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self.begin()

    def __exit__(self, *_):
        self.close()


def listening(address="127.0.0.1", family=socket.AF_INET):
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    bound.bind((address, PORT))
    bound.listen(1024)
    return bound


def environment(remote, remote_port, local):
    return ["PROTO=TCP", f"TCPLOCALIP={local}", f"TCPLOCALPORT={PORT}", f"TCPREMOTEIP={remote}", f"TCPREMOTEPORT={remote_port}"]


@case("an IPv4 session gets the connection, the UCSPI environment, its words and nothing else")
def _():
    need_network()
    with Server("-l", "127.0.0.1", str(PORT), CHILD, "one", "two words") as server, Session() as session:
        equal(sorted(session.of("env")), environment("127.0.0.1", session.socket.getsockname()[1], "127.0.0.1"))
        equal(session.of("word"), ["one", "two words"])
        equal(session.of("fd"), ["0", "1", "2"])
        equal((session.of("nodelay"), session.of("blocking"), session.of("signals")), (["1"], ["1"], ["0"]))
        expect(session.answers(), "it does not echo")
        equal(server.event("open")["ip"], "127.0.0.1")


@case("an IPv6 session has IPv6 addresses in its environment")
def _():
    need_network()
    with Server("-l", "::", str(PORT), CHILD), Session("::1") as session:
        equal(sorted(session.of("env")), environment("::1", session.socket.getsockname()[1], "::1"))
        equal(session.of("nodelay"), ["1"])


@case("an IPv4 client of an IPv6 socket is an IPv4 client")
def _():
    need_network()
    with listening("::", socket.AF_INET6) as bound, Server("-C", "1", CHILD, listener=bound) as server, Session() as session:
        equal(sorted(session.of("env")), environment("127.0.0.1", session.socket.getsockname()[1], "127.0.0.1"))
        with Session():
            equal(server.event("refused")["ip"], "127.0.0.1")


@case(":: and 0.0.0.0 are bound side by side, and -f listens besides descriptor 0")
def _():
    need_network()
    with Server("-l", "::", str(PORT), "-l", "0.0.0.0", str(PORT), CHILD), Session("::1") as six, Session() as four:
        expect(six.answers() and four.answers(), "no echo")
    with listening() as first, listening("::1", socket.AF_INET6) as second:
        words = ["-f", str(second.fileno()), CHILD]
        with Server(*words, listener=first, descriptors=[second.fileno()]), Session("::1") as six, Session() as four:
            expect(six.answers() and four.answers(), "no echo")
            equal(four.of("fd"), ["0", "1", "2"])


@case("a client over its limit is told so and closed; others are served, and it is again when it closed one")
def _():
    need_network()
    with Server("-C", "2", "-b", "421 4.7.0 too many connections", "-l", "0.0.0.0", str(PORT), CHILD) as server:
        with Session() as first, Session():
            with Session() as third:
                equal(third.given, ["421 4.7.0 too many connections"])
                equal(third.socket.recv(1), b"")
            refused = server.event("refused")
            equal((refused["ip"], refused["open_of_client"]), ("127.0.0.1", "2"))
            with Session(source="127.0.0.2") as other:
                expect(other.answers(), "another address is refused")
            first.say("exit\n")
            server.event("close")
            server.event("close")
            with Session() as again:
                expect(again.answers(), "still refused")


@case("IPv6 clients of one /64 are one client, those of the next are not")
def _():
    need_network()
    for address in ("fd00::1", "fd00::ffff:0:0:2", "fd00:0:0:1::1"):
        own_network.add_ipv6(address)
    with Server("-C", "1", "-l", "::", str(PORT), CHILD) as server, Session("fd00::1", source="fd00::1"):
        with Session("fd00::1", source="fd00::ffff:0:0:2") as neighbour:
            equal(neighbour.given, [])
            equal(server.event("refused")["ip"], "fd00::ffff:0:0:2")
        with Session("fd00::1", source="fd00:0:0:1::1") as stranger:
            expect(stranger.answers(), "the next /64 is refused")


@case("over the limit in all, connections wait until one ends")
def _():
    need_network()
    with Server("-c", "2", "-l", "127.0.0.1", str(PORT), CHILD) as server:
        with Session() as first, Session() as second:
            waiting = Session()
            equal(server.event("full")["open"], "2")
            waiting.say("early\n")
            expect(second.answers(), "a running session suffers")
            first.say("exit\n")
            waiting.begin()
            equal(waiting.lines.readline(), "early\n")
            equal(server.event("close")["exit"], "7")
            waiting.close()


@case("the backlog holds 511 connections and more")
def _():
    need_network()
    with Server("-l", "127.0.0.1", str(PORT), "-c", "1", CHILD), Session() as first:
        crowd = [socket.create_connection(("127.0.0.1", PORT), timeout=20) for _ in range(600)]
        rows = [line.split() for line in open("/proc/net/tcp", encoding="ascii")][1:]
        queued = [int(row[4].split(":")[1], 16) for row in rows if row[3] == "0A" and row[1].endswith(f":{PORT:04X}")]
        equal(queued, [600])
        for one in crowd:
            one.close()
        expect(first.answers(), "no echo")


@case("on TERM it leaves, sessions go on, and its successor takes who came in between")
def _():
    need_network()
    with listening() as bound:
        with Server(CHILD, listener=bound) as old, Session() as running:
            status = old.stop()
            equal((status["open"], status["accepted"], status["refused"]), ("1", "1", "0"))
            between = Session()
            expect(running.answers(), "the session died with its listener")
            with Server(CHILD, listener=bound):
                between.begin()
                expect(between.answers(), "a connection between two listeners was lost")
                expect(running.answers(), "the session died with its listener's successor")
                between.close()


@case("it is its user with no capability, confined, and so is what it starts")
def _():
    need_network()
    with Server("-l", "127.0.0.1", str(PORT), CHILD) as server, Session() as session:
        for pid in (server.process.pid, session.of("pid")[0]):
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
            equal(status["Uid"], "\t".join([str(UID)] * 4))
            equal(status["Gid"], "\t".join([str(GID)] * 4))
            equal(status["Groups"].split(), [str(GID), str(GROUP)])
            for kind in ("CapEff", "CapPrm", "CapAmb"):
                equal(status[kind], "0" * 16)
            equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))


@case("a session's end is in the log: its code, its signal, how long it took")
def _():
    need_network()
    with Server("-l", "127.0.0.1", str(PORT), CHILD) as server:
        with Session() as first:
            first.say("exit\n")
            closed = server.event("close")
            equal((closed["exit"], closed["child"], closed["open"]), ("7", first.of("pid")[0], "0"))
            expect(int(closed["ms"]) < 20000, "a long time")
        with Session() as second:
            second.say("crash\n")
            equal(server.event("close")["signal"], str(int(signal.SIGILL)))


def refused(words, user, why, code=100, stdin=None):
    done = subprocess.run([LISTEN, *words], env=user, stdin=stdin or subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    equal(done.returncode, code, done.stderr)
    contains(done.stderr, why)


LINE = ["-l", "127.0.0.1", str(PORT), CHILD]


@case("it refuses to stay root, and a user, group or list that is wrong")
def _():
    need_network()
    for user in ({}, {"UID": "61001"}, {"GID": "61001"}):
        refused(LINE, user, "UID and GID must say whom to become")
    for uid, gid in (("0", "61001"), ("61001", "0"), ("x", "61001"), ("61001", ""), ("-1", "1"), ("4294967295", "1"), ("00", "1")):
        refused(LINE, {"UID": uid, "GID": gid}, "not the number of a user other than root")
    for groups in ("0", "5,0", "5,,6", "x", "5,4294967295", ",".join(str(n) for n in range(1, 70))):
        refused(LINE, {"UID": "61001", "GID": "61002", "GIDLIST": groups}, "GIDLIST")


@case("who is not root cannot be told to be another")
def _():
    need_network()
    other = ["setpriv", "--reuid", "61009", "--regid", "61009", "--clear-groups"]
    done = subprocess.run([*other, LISTEN, *LINE], env={**USER, "PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    equal(done.returncode, 100)
    contains(done.stderr, "not the user that UID and GID name")


@case("it refuses descriptors that do not listen, and programs that are not there")
def _():
    need_network()
    refused([CHILD], USER, "not a listening socket: 0")
    with socket.socket(socket.AF_INET) as unbound:
        refused([CHILD], USER, "not a listening socket: 0", stdin=unbound)
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(os.path.join(work.name, "s"))
        local.listen()
        refused([CHILD], USER, "neither IPv4 nor IPv6", stdin=local)
    refused(["-f", "77", *LINE], USER, "not a listening socket: 77")
    refused(["-l", "127.0.0.1", str(PORT), "/nowhere/smtpd"], USER, "find /nowhere/smtpd", code=111)
    refused(["-l", "127.0.0.1", str(PORT), "smtpd"], USER, "needs a slash")
    refused(["-l", "203.0.113.77", str(PORT), CHILD], USER, "bind 203.0.113.77", code=111)
    refused([], USER, "usage:")


@case("tcpbind hands the socket, the environment and the other descriptors to the program it becomes")
def _():
    need_network()
    with Server(CHILD, chain=[BIND, "127.0.0.1", str(PORT)]), Session() as session:
        equal(sorted(session.of("env")), environment("127.0.0.1", session.socket.getsockname()[1], "127.0.0.1"))
    script = 'test -S /dev/stdin && echo "$COLOUR"; sed -n "s/^NoNewPrivs:.//p" /proc/self/status'
    for shell in ("sh", "/bin/sh"):
        done = subprocess.run([BIND, "::1", str(PORT), shell, "-c", script], env={"COLOUR": "green", "PATH": "/nowhere::/usr/bin:/bin"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        equal((done.returncode, done.stdout), (0, "green\n1\n"), done.stderr)


@case("tcpbind says what is wrong")
def _():
    need_network()
    for words, why, code in ((["127.0.0.1", "25"], "usage", 100), (["localhost", "25", "sh"], "neither IPv4 nor IPv6", 100),
                             (["127.0.0.1", "65536", "sh"], "port", 100), (["203.0.113.77", "25", "sh"], "bind 203.0.113.77", 111),
                             (["127.0.0.1", "25", "no-such-program"], "find along PATH no-such-program", 111),
                             (["127.0.0.1", "25", "/etc/passwd"], "start /etc/passwd: Permission denied", 111)):
        done = subprocess.run([BIND, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        equal(done.returncode, code, done.stderr)
        contains(done.stderr, why)


def dialogue():
    """What smtpd says to a client at PORT; it closes after QUIT."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as connection, connection.makefile("r", newline="") as replies:
        said = [replies.readline()]
        for command in ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@elsewhere.example>", "NOOP", "QUIT"):
            connection.sendall(command.encode() + b"\r\n")
            said.append(replies.readline())
            while said[-1][3:4] == "-":
                said.append(replies.readline())
        return said + [replies.read()]


@case("smtpd says the same under tcplisten and under Debian's tcpserver")
def _():
    need_network()
    smtpd, tcpserver = os.path.join(BUILD, "smtpd", "smtpd"), shutil.which("tcpserver")
    if not tcpserver:
        skip("tcpserver (ucspi-tcp) is not installed")
    for name in ("control", "users", "users/full"):
        os.mkdir(os.path.join(work.name, name), 0o755)
    with open(os.path.join(work.name, "control", "me"), "w", encoding="ascii") as me:
        me.write("mx.here.example\n")
    os.chdir(work.name)
    copy = shutil.copy(smtpd, os.path.join(work.name, "smtpd"))
    with Server("-l", "127.0.0.1", str(PORT), copy):
        ours = dialogue()
    contains(ours[0], "220 mx.here.example ")
    expect(any(line.startswith("250") and "PIPELINING" in line for line in ours), f"no EHLO reply: {ours}")
    equal((ours[-2][:4], ours[-1]), ("221 ", ""))
    words = ["-1", "-RHl0", "-u", str(UID), "-g", str(GID), "127.0.0.1", str(PORT), copy]
    with subprocess.Popen([tcpserver, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            equal(server.stdout.readline(), f"{PORT}\n".encode(), "readiness")
            theirs = dialogue()
        finally:
            server.terminate()
    equal(theirs, ours)


finish()
