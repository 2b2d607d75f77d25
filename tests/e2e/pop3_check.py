#!/usr/bin/env python3
"""POP3 through a whole instance: other people's clients, by STLS, TLS at once and in the clear on loopback; who gets in, and what stays"""
import os
import pathlib
import poplib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from own_etc import name_this_host  # noqa: E402
from postern import Instance, wait_for_exit  # noqa: E402

PASSWORD = "secret"
NOBODY = 65534
LOGINS = 2000 if "long" in sys.argv else 500
SERVICES = ("login", "tcplisten", "authd", "tlsd", "tlskeyd", "countd")  # that every login goes through, or may


def needs(program):
    if not shutil.which(program):
        skip(f"NOT SHOWN: {program} is not installed")


name_this_host()
with Instance(users=("alice", "bob"), domains=("localhost", "here.example")) as mail, tempfile.TemporaryDirectory() as folder:
    port, ports = int(mail.env["POP3_PORT"]), int(mail.env["POP3S_PORT"])
    context = ssl.create_default_context(cafile=mail.env["CAFILE"])

    def fill(user="alice", count=3):
        for path in mail.message_files(user):
            path.unlink()
        for i in range(count):  # one after the other, so that they have this order
            mail.send(user, b"Subject: message %d\r\n\r\nbody\r\n..\r\n" % i)
            mail.wait_for_messages(user, i + 1)

    def login(user="alice", password=PASSWORD, way="clear"):
        if way == "tls":
            pop = poplib.POP3_SSL("localhost", ports, context=context, timeout=30)
        else:
            pop = poplib.POP3("localhost", port, timeout=30)
            if way == "stls":
                pop.stls(context)
        pop.user(user)
        pop.pass_(password)
        return pop

    @case("local says the sizes of a message in its name")
    def _():
        fill()
        for path in mail.message_files("alice"):
            text = path.read_bytes()
            contains(path.name, f",S={len(text)},W={len(text) + text.count(10)}")

    @case("poplib: in the clear on loopback, by STLS and by TLS at once")
    def _():
        for way in ("clear", "stls", "tls"):
            fill()
            pop = login(way=way)
            count, octets = pop.stat()
            equal(count, 3)
            sizes = [int(line.split()[1]) for line in pop.list()[1]]
            equal(sum(sizes), octets)
            uids = [line.split()[1] for line in pop.uidl()[1]]
            equal(len(set(uids)), 3)
            for number in range(1, 4):
                lines = pop.retr(number)[1]
                equal(sum(len(line) + 2 for line in lines), sizes[number - 1])
                equal(lines[-2:], [b"body", b".."])
            equal(pop.top(1, 1)[1][-1], b"body")
            pop.dele(2)
            pop.quit()
            equal(len(mail.message_files("alice")), 2)
            pop = login(way=way)
            equal([line.split()[1] for line in pop.uidl()[1]], [uids[0], uids[2]])
            pop.quit()

    @case("the whole address logs in, too; a wrong password and a user who does not exist sound the same")
    def _():
        login("alice@localhost").quit()
        answers = set()
        for user, password in (("alice", "wrong"), ("nobody-here", PASSWORD), ("root", PASSWORD)):
            try:
                login(user, password)
            except poplib.error_proto as error:
                answers.add(error.args[0])
        equal(len(answers), 1)
        contains(answers.pop(), b"-ERR [AUTH]")

    @case("from another address no password is taken without TLS")
    def _():
        address = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        if not address:
            skip("NOT SHOWN: this machine has no address but loopback")
        try:
            pop = poplib.POP3(address[0], port, timeout=10)
        except OSError:
            skip("NOT SHOWN: instances listen on loopback only")
        try:
            pop.user("alice")
            raise AssertionError("a password was asked for")
        except poplib.error_proto as error:
            contains(error.args[0], b"STLS")

    @case("curl: list, retrieve and delete by pop3:// and pop3s://, SASL by itself")
    def _():
        needs("curl")
        for url, words in ((f"pop3://localhost:{port}/", ["--ssl-reqd"]), (f"pop3s://localhost:{ports}/", []), (f"pop3://localhost:{port}/", [])):
            fill()
            base = ["curl", "-sS", "--cacert", mail.env["CAFILE"], "--user", f"alice:{PASSWORD}", *words]
            done = subprocess.run([*base, url], capture_output=True, text=True, check=False)
            equal((done.returncode, len(done.stdout.splitlines())), (0, 3), done.stderr)
            done = subprocess.run([*base, url + "1"], capture_output=True, text=True, check=False)
            contains(done.stdout, "Subject: message 0")
            for mechanism in ("PLAIN", "LOGIN"):
                done = subprocess.run([*base, "--login-options", f"AUTH={mechanism}", url], capture_output=True, text=True, check=False)
                equal((done.returncode, len(done.stdout.splitlines())), (0, 3), f"{mechanism}: {done.stderr}")
            done = subprocess.run([*base, "--request", "DELE", "--head", url + "1"], capture_output=True, text=True, check=False)
            equal(done.returncode, 0, done.stderr)
            equal(len(mail.message_files("alice")), 2)

    @case("fetchmail fetches by STLS and by TLS at once, keeps with keep and flushes without")
    def _():
        needs("fetchmail")
        for number, words in ((port, "sslproto 'TLS1.2+' sslcertck"), (ports, "ssl sslcertck")):
            fill()
            for keep, left in (("keep", 3), ("nokeep", 0)):
                config = pathlib.Path(folder, "fetchmailrc")
                config.write_text(f"poll localhost protocol pop3 port {number} user 'alice' password '{PASSWORD}' {words} sslcertfile '{mail.env['CAFILE']}' "
                                  f"fetchall {keep} no rewrite mda 'cat >>{folder}/fetched'\n")
                config.chmod(0o600)
                pathlib.Path(folder, "fetched").write_bytes(b"")
                done = subprocess.run(["fetchmail", "-f", str(config), "--pidfile", f"{folder}/fetchmail.pid"], capture_output=True, text=True, check=False,
                                      env={**os.environ, "HOME": folder, "FETCHMAILHOME": folder})
                equal(done.returncode, 0, done.stdout + done.stderr)
                equal(pathlib.Path(folder, "fetched").read_text().count("Subject: message "), 3)
                equal(len(mail.message_files("alice")), left)

    @case("getmail fetches by TLS and knows by unique-ids what it has")
    def _():
        needs("getmail")
        fill()
        home = pathlib.Path(folder, "getmail")
        for part in ("new", "cur", "tmp"):
            (home / "Maildir" / part).mkdir(parents=True)
        (home / "getmailrc").write_text(f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {ports}\nusername = alice\npassword = {PASSWORD}\n"
                                        f"ca_certs = {mail.env['CAFILE']}\n[destination]\ntype = Maildir\npath = {home}/Maildir/\n"
                                        "[options]\nread_all = false\ndelete = false\n")
        os.chmod(folder, 0o755)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(home)], check=True)  # it does not deliver as root
        for more, total in ((0, 3), (0, 3), (1, 4)):
            for _ in range(more):
                mail.send("alice", b"Subject: one more\r\n\r\nx\r\n")
                mail.wait_for_messages("alice", 4)
            done = subprocess.run(["getmail", "--getmaildir", str(home), "--rcfile", "getmailrc"], capture_output=True, text=True, check=False, timeout=60,
                                  stdin=subprocess.DEVNULL, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env={**os.environ, "HOME": str(home)})
            equal(done.returncode, 0, done.stdout + done.stderr)
            equal(len(os.listdir(home / "Maildir/new")), total, done.stdout)

    @case("AUTH with an initial response; what is pipelined behind the login is answered")
    def _():
        fill()
        import base64

        with socket.create_connection(("localhost", port), 30) as raw:
            plain = base64.b64encode(b"\0alice\0" + PASSWORD.encode())
            raw.sendall(b"CAPA\r\nAUTH PLAIN " + plain + b"\r\nSTAT\r\nUIDL\r\nQUIT\r\n")
            text = b""
            while piece := raw.recv(65536):
                text += piece
        contains(text, b"SASL SCRAM-SHA-256 PLAIN LOGIN")
        expect(re.search(rb"\+OK 3 \d+\r\n\+OK\r\n1 \d+\.\d+\r\n", text) and text.endswith(b"+OK Bye\r\n"), text)

    @case("a second session hears IN-USE; two mailboxes at once do not disturb each other")
    def _():
        first = login()
        try:
            login()
            raise AssertionError("two sessions")
        except poplib.error_proto as error:
            contains(error.args[0], b"[IN-USE]")
        login("bob").quit()
        first.quit()
        login().quit()

    @case("the session is the mailbox's user, and nothing of pop3-login stays with it")
    def _():
        pop = login(way="tls")
        names = mail.processes()
        (pid,) = [pid for pid, name in names.items() if name == "pop3d"]
        equal([name for name in names.values() if name == "pop3-login"], [])
        equal(os.stat(f"/proc/{pid}").st_uid, os.stat(mail.dir / "home/alice").st_uid)
        pop.quit()

    @case("login is started anew: a session goes on, and the next login works")
    def _():
        held = login()
        mail.service("login").restart()
        held.noop()
        held.quit()
        login().quit()

    @case(f"{LOGINS} logins in a row: nothing grows", seconds=300)
    def _():
        fill()
        login(way="tls").quit()

        def measure():
            found = {}
            for pid, name in mail.processes().items():
                if name in SERVICES:
                    try:
                        found[pid] = (name, len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]))
                    except (OSError, TypeError):
                        pass
            return found

        def wait_for_sessions():
            services = {service.pid() for service in mail.services()}
            for pid, name in mail.processes().items():
                if name in ("pop3d", "pop3-login") or (name == "tlsd" and pid not in services):
                    wait_for_exit(pid)

        for _ in range(20):
            login().quit()
            login(way="tls").quit()
        wait_for_sessions()
        before = measure()
        start = time.monotonic()
        for _ in range(LOGINS):
            login().quit()
        clear = LOGINS / (time.monotonic() - start)
        start = time.monotonic()
        for _ in range(LOGINS // 5):
            login(way="tls").quit()
        tls = LOGINS / 5 / (time.monotonic() - start)
        print(f"  logins a second, one at a time: {clear:.0f} in the clear, {tls:.0f} over TLS")
        wait_for_sessions()
        after = measure()
        equal(sorted(before), sorted(after), "processes of before and after")
        for pid, (name, descriptors, memory) in before.items():
            expect(after[pid][1] <= descriptors + 2, f"{name}: {descriptors} and then {after[pid][1]} descriptors")
            expect(after[pid][2] <= memory + 300, f"{name}: {memory} and then {after[pid][2]} KiB")
        print("  grown by KiB: " + ", ".join(f"{name} {after[pid][2] - memory}" for pid, (name, _, memory) in before.items() if after[pid][2] != memory))

    @case("no password is in any log")
    def _():
        for path in (mail.dir / "log").glob("*/*"):
            if path.is_file():
                expect(b"secret" not in path.read_bytes(), path)

finish()
