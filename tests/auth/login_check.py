#!/usr/bin/env python3
"""auth/login, as root: tickets in, sessions as mailboxes' users out; authd is the test's"""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from check import case, contains, equal, expect, finish  # noqa: E402
from login_place import TICKET, Authd, ask, children_of, request, session_of, wait_for_children  # noqa: E402
from parts import Parts, as_user, netstring, record  # noqa: E402

FIRST_UID = 1_900_100_000


with Parts() as parts:
    home = parts.user("alice")
    uid = parts.mailboxes["alice"][0]
    pathlib.Path(home, "Maildir/new/1000.a.host,S=2,W=3").write_bytes(b"x\n")
    os.chown(f"{home}/Maildir/new/1000.a.host,S=2,W=3", uid, uid)
    authd = Authd(parts)
    pop3d = parts.program("pop3d/pop3d")
    service = parts.serve("login", ["auth/login", pop3d])
    pid = service.process.pid

    @case("a ticket becomes a session of its mailbox: its uid and gid, no other group, its home, no capability")
    def _():
        authd.mailbox("alice", uid, home)
        held = []
        answer, greeting = ask(hold=held)
        equal(answer, b"Y")
        expect(greeting.startswith(b"+OK") and b"1 messages" in greeting, greeting)
        equal(authd.heard[-1], (b"R", [b"pop3", TICKET]))
        (child,) = children_of(pid)
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{child}/status").read_text().splitlines())
        equal((status["Uid"].split(), status["Gid"].split(), status["Groups"].split()), ([str(uid)] * 4, [str(uid)] * 4, []))
        equal((int(status["CapEff"], 16), int(status["CapPrm"], 16), status["NoNewPrivs"].strip(), status["Seccomp"].strip()), (0, 0, "1", "2"))
        equal(os.readlink(f"/proc/{child}/cwd"), home)
        equal(sorted(os.listdir(f"/proc/{child}/fd"), key=int)[:3], ["0", "1", "2"])
        held[0].sendall(b"RETR 1\r\nQUIT\r\n")
        text = b""
        while piece := held[0].recv(1000):
            text += piece
        contains(text, b"x\r\n.\r\n+OK")
        service.wait_log(r"event=start service=pop3 user=alice child=\d+")

    @case("what the client asked about UTF-8 reaches the session")
    def _():
        pathlib.Path(home, "Maildir/cur/1001.u.host").write_bytes("Subject: ü\n\n".encode())
        os.chown(f"{home}/Maildir/cur/1001.u.host", uid, uid)
        for option, is_ascii in ((b"-", True), (b"u", False)):
            text = session_of(request(option=option), b"TOP 2 0\r\nQUIT\r\n")
            equal(text.isascii(), is_ascii, text)

    @case("the ways to log in that the client had are said again behind the login (RFC 2449 5)")
    def _():
        for offer, want in ((b"-", [b"SASL SCRAM-SHA-256"]), (b"p", [b"USER", b"SASL SCRAM-SHA-256 PLAIN LOGIN"]),
                            (b"b", [b"USER", b"SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"])):
            text = session_of(request(offer=offer), b"CAPA\r\nQUIT\r\n")
            equal([line for line in text.splitlines() if line.startswith((b"USER", b"SASL", b"STLS"))], want)

    @case("a ticket that authd does not know, nonsense from it, and no authd at all: no session")
    def _():
        for answer in (record(b"N" + netstring(b"no such ticket")), record(b"Y"), record(b"X1:x,"), b"\0\0\0\0", b"\xff\xff\xff\xff", b"",
                       record(b"Y" + netstring(b"alice") + netstring(b"0") + netstring(b"0") + netstring(home.encode()))):
            authd.answer = answer
            equal(ask()[0], b"N", repr(answer))
        service.wait_log(r"event=failed error=the\\x20ticket\\x20is\\x20not\\x20valid")
        authd.listener.close()
        os.unlink("run/authd-tickets/s")
        equal(ask()[0], b"N", "no authd")

    authd = Authd(parts)

    @case("an authd that does not answer holds a login up for seconds, and the next is served")
    def _():
        authd.answer = None
        equal(ask()[0], b"N")
        authd.mailbox("alice", uid, home)
        equal(ask()[0], b"Y")

    @case("never root, an account of the system or one of Postern's own; never with root's group")
    def _():
        import pwd

        for wrong in (0, 1, 99, pwd.getpwnam("pn-queue").pw_uid, pwd.getpwnam("pn-login").pw_uid):
            path = os.path.join(parts.path, "home", f"wrong-{wrong}")
            os.makedirs(path + "/Maildir", exist_ok=True)
            os.chown(path, wrong, wrong)
            authd.mailbox("alice", wrong, path, gid=1234)
            equal(ask()[0], b"N", f"uid {wrong}")
        authd.mailbox("alice", uid, home, gid=0)
        equal(ask()[0], b"N", "gid 0")
        equal(children_of(pid), [])

    @case("a home that belongs to somebody else, is a link, a file, missing or no path is refused")
    def _():
        other = os.path.join(parts.path, "home", "other")
        os.mkdir(other, 0o755)
        link = os.path.join(parts.path, "home", "link")
        os.symlink(home, link)
        file = os.path.join(parts.path, "home", "file")
        pathlib.Path(file).write_text("")
        os.chown(file, uid, uid)
        for path in (other, link, file, other + "/missing", "home/alice", ""):
            authd.mailbox("alice", uid, path)
            equal(ask()[0], b"N", path)

    @case("only pn-login may ask")
    def _():
        authd.mailbox("alice", uid, home)
        before = len(authd.heard)
        for who in ("nobody", "pn-smtp", "pn-auth", 0, uid):
            equal(ask(who=who)[0], b"", who)
        equal(len(authd.heard), before, "authd was asked")

    @case("what is not its message, or has no client with it, ends the connection; the next one is served")
    def _():
        for message in (b"x", request()[:-1], request() + b"x", request(option=b"x"), request(offer=b"x"), request(ticket=b"g" * 32), request(b"POP3"), request(b"../sh"), b"\0" * 50, b"x" * 5000):
            equal(ask(message)[0], b"", message)
        equal(ask(with_client=False)[0], b"", "no client")
        for name in (b"smtp", b"imap", b"sh"):
            equal(ask(request(name))[0], b"N", name)
        equal(ask()[0], b"Y")

    @case("askers that say nothing hold nobody up")
    def _():
        def talk():
            idle = [parts.connect("login") for _ in range(50)]
            with parts.connect("login") as stream:
                here, there = socket.socketpair()
                socket.send_fds(stream, [request()], [there.fileno()])
                equal(stream.recv(1), b"Y")
                here.close()
            del idle

        as_user("pn-login")(talk)

    @case("200 sessions later it has as many descriptors and children as before")
    def _():
        for _ in range(3):
            ask()
        wait_for_children(pid, 0)
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(200):
            equal(ask()[0], b"Y")
        wait_for_children(pid, 0)
        equal(ask()[0], b"Y")  # it has looked after the last of them
        wait_for_children(pid, 0)
        equal(len(os.listdir(f"/proc/{pid}/fd")), before)

    @case("on TERM it leaves, and a session goes on")
    def _():
        held = []
        equal(ask(hold=held)[0], b"Y")
        service.process.send_signal(signal.SIGTERM)
        equal(service.process.wait(20), 0)
        held[0].sendall(b"NOOP\r\n")
        equal(held[0].recv(10), b"+OK\r\n")
        held[0].close()

    crowd = parts.serve("login", ["auth/login", shutil.copy("/usr/bin/yes", parts.bin)], listener=parts.listen("login"))

    @case("a mailbox has ten sessions at once and not one more, another mailbox has its own")
    def _():
        authd.mailbox("alice", uid, home)
        held = []
        for _ in range(10):
            equal(ask(hold=held)[0], b"Y")
        equal(ask()[0], b"M")
        bob_home = parts.user("bob")
        authd.mailbox("bob", parts.mailboxes["bob"][0], bob_home)
        equal(ask(hold=held)[0], b"Y")
        authd.mailbox("alice", uid, home)
        held[0].close()
        crowd.wait_log("event=child-failed")
        equal(ask(hold=held)[0], b"Y")
        for client in held:
            client.close()

    crowd.stop()
    many = 10_000
    last = parts.serve("login", ["auth/login", pop3d], listener=parts.listen("login"))

    # In memory where there is room: what may be opened is the same there, and so many folders are made sooner.
    shared = "/dev/shm" if os.path.isdir("/dev/shm") and os.statvfs("/dev/shm").f_favail > 10 * many else parts.path
    place = tempfile.mkdtemp(prefix="postern-mailboxes.", dir=shared)
    os.chmod(place, 0o755)

    @case(f"a session's user can open, list, signal or trace nothing of {many} other mailboxes", seconds=300)
    def _():
        homes = [os.path.join(place, f"m{i}") for i in range(many)]

        def make():
            for i, path in enumerate(homes):
                os.seteuid(0)
                os.mkdir(path, 0o700)
                os.chown(path, FIRST_UID + i, FIRST_UID + i)
                os.setegid(FIRST_UID + i)
                os.seteuid(FIRST_UID + i)
                for folder in ("/Maildir", "/Maildir/new", "/Maildir/cur", "/Maildir/tmp"):
                    os.mkdir(path + folder, 0o700)

        as_user(0)(make)  # a process of its own: this one has threads
        held = []
        for i in range(0, many, many // 20):
            authd.mailbox(f"m{i}", FIRST_UID + i, homes[i])
            equal(ask(hold=held)[0], b"Y")
        running = children_of(last.process.pid)
        expect(len(running) >= 20, running)

        def attack():
            libc = ctypes.CDLL(None, use_errno=True)
            for path in homes[1:]:
                for attempt in (lambda: os.listdir(path), lambda: os.listdir(path + "/Maildir/new"), lambda: os.open(path + "/Maildir/postern-uids", os.O_RDONLY),
                                lambda: os.open(path + "/x", os.O_CREAT | os.O_WRONLY), lambda: os.rename(path + "/Maildir", homes[0] + "/taken")):
                    try:
                        attempt()
                    except PermissionError:
                        continue
                    raise AssertionError(f"{path} is open")
            os.listdir(homes[0] + "/Maildir")
            for child in running[1:]:
                for number in (0, signal.SIGTERM):
                    try:
                        os.kill(child, number)
                    except PermissionError:
                        continue
                    raise AssertionError(f"process {child} can be signalled")
                expect(libc.ptrace(16, child, 0, 0) != 0, f"process {child} can be traced")
                try:
                    os.open(f"/proc/{child}/mem", os.O_RDONLY)
                except PermissionError:
                    continue
                raise AssertionError(f"the memory of {child} can be read")

        as_user(FIRST_UID)(attack)
        for client in held:
            client.close()

    shutil.rmtree(place)

finish()
