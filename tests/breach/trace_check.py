#!/usr/bin/env python3
"""What programs do in an end-to-end run, once they are confined, is in their rows of the manifest; and what a row promises is done"""
import collections
import contextlib
import os
import pathlib
import poplib
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/e2e"), str(ROOT / "tests/remote"), str(ROOT / "tests/auth")]
from auth_place import as_asker, redeem  # noqa: E402
from checking import ask_once  # noqa: E402
from check import case, equal, expect, finish, skip  # noqa: E402
from postern import Instance, wait_until  # noqa: E402
from parts import as_user, netstring  # noqa: E402
from remoting import Peer  # noqa: E402
from tls_place import ask_as, read_facts, tcp_pair, wanted  # noqa: E402
from trace import read_traces  # noqa: E402
from tls_hosts import Certificates, tls_script  # noqa: E402
from zone import ZoneServer  # noqa: E402

NOBODY = 65534
MESSAGE = b"From: alice@here.example\nTo: bob@here.example\nSubject: x\n\nx\n"
RIGHTS = {"read": 1, "write": 2, "create": 4, "remove": 8, "link": 16}
ALSO = {"create": 16}  # an empty file can be made where files may be linked in
# Promises that a run does not use, and why the row has them; and paths that a program without Landlock rules opens.
UNUSED = {
    "tcpbind": {"listens": "binds before it is confined; what it becomes may bind too"},
}
PATHS = {"local-spawn": {"users": "where a mailbox is; its children need every other path, so it has no rules"},
         "login": {"home": "whose a home is; likewise"}}

LONG = "long.example. TXT " + " ".join(f'"{"x" * 250}"' for _ in range(20)) + "\n"  # by UDP and, being too long for that, by TCP

Row = collections.namedtuple("Row", "promises paths sockets children")


def read_manifest():
    """({promise: (bit, calls)}, {program: Row}), calls by name"""
    numbers = re.findall(r"#define __NR_(\w+) (\d+)", pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text())
    names = {int(number): name for name, number in numbers}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["g++", "-std=c++20", "-I.", "-o", f"{folder}/rows", "tests/breach/rows.cc"], cwd=ROOT, check=True)
        text = subprocess.check_output([f"{folder}/rows"], text=True)
    promises, rows = {}, {}
    for line in text.splitlines():
        if line.startswith("promise "):
            _, name, bit, *calls = line.split()
            promises[name] = (int(bit), {names[int(number)] for number in calls})
        else:
            _, name, bits, paths, sockets, children = line.split("\t")
            rules = [(path, int(rights)) for path, rights in (rule.split("=") for rule in paths.split())]
            rows[name] = Row({promise for promise, (bit, _) in promises.items() if int(bits) & bit}, rules, sockets.split(), children)
    return promises, rows


PROMISES, ROWS = read_manifest()


class Tracers:
    def __init__(self, directory):
        self.directory, self.running, self.places = directory, [], {}
        os.makedirs(directory)

    def command(self, *words):
        return ["strace", "-ff", "-y", "-s", "200", "-qq", "-o", f"{self.directory}/t", *words]

    def attach(self, pids):
        """Returns when all are traced; what they start from then on is traced too."""
        self.places.update({pid: os.readlink(f"/proc/{pid}/cwd") for pid in pids})
        self.running.append(subprocess.Popen(self.command(*(word for pid in pids for word in ("-p", str(pid)))), stderr=subprocess.DEVNULL))
        wait_until(lambda: all((self.directory / f"t.{pid}").exists() for pid in pids), [self.directory], what="strace")

    def stop(self):
        for process in self.running:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def supervisors(mail):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == "s6-supervise" and \
                    os.readlink(entry / "cwd").startswith(f"{mail.dir}/service/") and not os.readlink(entry / "cwd").endswith("/log"):
                found.append(int(entry.name))
    return found


def speak_tls(mail):
    """A handshake with each of the two services of tlsd, the second as client of the first, after certificates were read anew."""
    for name, event in (("tlskeyd", "keys"), ("tlsd", "certificates")):
        count = mail.log(name).count(f"event={event} number=")
        subprocess.run(["s6-svc", "-h", str(mail.dir / "service" / name)], check=True)
        wait_until(lambda: mail.log(name).count(f"event={event} number=") > count, [mail.dir / "log" / name], 60, f"{name} to read anew")
    client, server = tcp_pair()
    askers = []
    for service, user, network, body in (("tlsd", "pn-smtp", server, b"S" + netstring(b"smtp") + netstring(b"")), ("tlsc", "pn-remote", client, wanted("here.example"))):
        askers.append(ask_as(user, str(mail.dir / "run" / service / "s"), network, body))
    equal([read_facts(asker)["protocol"] for asker in askers], ["TLSv1.3"] * 2)
    askers[0].sendall(b"220 hello")
    equal(askers[1].recv(100), b"220 hello")
    for asker in askers:
        asker.close()


def submit(mail, login, password):
    """A message from one who logs in over TLS."""
    port = int((mail.dir / "service/submission/env/PORT").read_text())
    with smtplib.SMTP(mail.host, port, local_hostname="client.example", timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(mail.dir / "tls/authority.pem")))
        client.login(login, password)
        client.sendmail(mail.address(login), [mail.address("alice")], "From: " + mail.address(login) + "\r\n\r\nby submission\r\n")


def run_everything(mail, tracers):
    def tool(program, *words, uid=None, message=b""):
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []  # below strace, which has to read its memory
        return subprocess.run(tracers.command(*become, str(mail.dir / "bin" / program), *words), input=message, capture_output=True, cwd="/",
                              env={"POSTERN_DIR": str(mail.dir), "PATH": os.environ["PATH"]}, check=False)

    tracers.attach(supervisors(mail))
    for service in mail.services():
        if service.name != "fdholder":
            service.restart()
    for words in (["alice", "1G"], ["bob", "1G"], ["alice"]):
        equal(tool("user", "quota", *words).returncode, 0)
    mail.send("alice", b"Subject: by SMTP\r\n\r\nx\r\n")
    mail.wait_for_messages("alice", 1)
    equal(mail.inject("bob@here.example", message=MESSAGE).returncode, 0)
    mail.wait_for_messages("bob", 1)
    pop = poplib.POP3(mail.host, int(mail.env["POP3_PORT"]), timeout=60)
    pop.user("bob")
    pop.pass_("secret")
    pop.retr(1)
    pop.dele(1)
    pop.quit()
    mail.inject("bob@here.example", message=MESSAGE)
    mail.wait_for_messages("bob", 1)
    (mail.dir / "control/checkers").write_text("* /bin/false\n")
    for service in ("check-spawn", "shadow-spawn"):
        as_user("pn-auth")(lambda asked=service: equal(ask_once(mail, asked, login=b"nobody-here", uid=4101).kind, "N"))
    (mail.dir / "control/checkers").unlink()
    with mail.smtp() as client:
        client.ehlo()
        client.mail("a@client.example")
        equal(client.rcpt("nobody-here@here.example")[0], 550)
    equal(mail.inject("-a", "-f", "alice@here.example", "nobody-here@here.example", message=MESSAGE).returncode, 0, "a message that bounces")
    mail.wait_for_messages("alice", 2)
    mail.wait_for_empty_queue()
    for _ in range(2):
        equal(mail.inject("x@there.example", message=MESSAGE).returncode, 0)
        mail.wait_for_empty_queue()
    mail.service("queue-send").stop()
    mail.send("alice", b"Subject: while queue-send is away\r\n\r\nx\r\n")
    mail.service("queue-send").start()
    mail.wait_for_messages("alice", 3)
    mail.wait_for_empty_queue()
    tool("inject", "bob@here.example", message=MESSAGE, uid=NOBODY)
    mail.wait_for_messages("bob", 2)
    equal(tool("dnsq", "txt", "long.example", uid=NOBODY).returncode, 0)
    alice = os.stat(mail.dir / "home/alice").st_uid
    for words in (["postern", "queue", "list"], ["queue", "list", "--json"], ["queue", "flush"], ["queue", "pause", "local"], ["queue", "resume", "local"], ["user", "list"], ["user", "add", "carol"], ["domain", "list"], ["domain", "add", "b\u00fccher.example"], ["domain", "add", "other.example", "--local"],
                  ["domain", "del", "b\u00fccher.example"], ["domain", "del", "other.example"], ["user", "del", "carol", "--remove-mail"], ["tcpbind", "127.0.0.1", "0", "/bin/true"]):
        done = tool(*words)
        equal(done.returncode, 0, f"{words}: {done.stderr}")
    equal(tool("user", "passwd", "bob", message=b"secret\n").returncode, 0)
    submit(mail, "bob", "secret")
    mail.wait_for_empty_queue()
    (mail.dir / "control/checkers").write_text("@ /bin/false\n")
    equal(tool("user", "add", "dora").returncode, 0)  # without a password here, so that checkers are asked
    os.chdir(mail.dir)
    equal(as_asker(lambda client: [client.password(login, "secret", service="pop3")[0] for login in ("bob", "dora")], "pn-login"), ["Y", "N"])
    equal(redeem("pop3", as_asker(lambda client: client.password("bob", "secret", service="pop3").ticket, "pn-login"))[0], "Y")
    os.chdir(ROOT)
    equal(tool("maildirmake", str(mail.dir / "home/alice/Another"), uid=alice).returncode, 0)
    speak_tls(mail)
    desk = mail.dir / "run/queue-desk/s"
    desk.rename(desk.with_name("away"))  # then root reads the files
    equal(tool("queue", "list").returncode, 0)
    desk.with_name("away").rename(desk)
    for service in mail.services():
        if service.name != "fdholder":
            service.stop()
    tracers.stop()


def is_within(path, directory):
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def strange_paths(program, paths, base):
    """What no rule of its row covers."""
    row = ROWS[program]
    rules = [(path if path.startswith("/") else os.path.normpath(os.path.join(base, path)), rights) for path, rights in row.paths]
    rules += [(os.path.join(base, path), RIGHTS["read"]) for path in PATHS.get(program, {})]
    return sorted(f"{what} {path}" for what, path in paths
                  if not any(is_within(path, rule) and rights & (RIGHTS[what] | ALSO.get(what, 0)) for rule, rights in rules))


def unused(program, calls):
    """Promises of the row none of whose calls, which no other promise of the row has, were made."""
    row, found = ROWS[program], set()
    for promise in row.promises - {"stdio", "loads"}:
        twins = {other for other in row.promises if PROMISES[other][1] == PROMISES[promise][1]}  # TCP and UDP differ in arguments only
        others = set().union(*(PROMISES[other][1] for other in row.promises - twins - {"loads"}))
        if not (PROMISES[promise][1] - others) & set(calls):
            found.add(promise)
    return found


if os.geteuid() != 0 or not shutil.which("strace"):
    @case("what programs do is in their rows")
    def _():
        skip("NOT SHOWN: takes root and strace")
    finish()

TRACED = {}
FOLDER = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
OTHER = Peer("127.0.0.2", script=tls_script(Certificates(FOLDER.name).certificate("mx.there.example")))
THERE = "there.example. MX 10 mx.there.example.\nmx.there.example. A 127.0.0.2\n"
with ZoneServer({".": LONG + THERE}) as names, \
        Instance(users=("alice", "bob"), dns=names.host_port, settings={"smtpport": str(OTHER.port)}) as instance:
    tracing = Tracers(instance.dir / "trace")

    @case("a run of everything is traced", seconds=150)
    def _():
        try:
            run_everything(instance, tracing)
        finally:
            tracing.stop()
        TRACED.update(read_traces(tracing.directory, instance.dir / "bin", tracing.places))
        equal(sorted(set(ROWS) - {name for name, done in TRACED.items() if done.processes}), [], "not seen confined")

    for name in sorted(TRACED):
        done = TRACED[name]

        @case(f"{name}: its calls, paths, sockets and children are in its row ({done.processes} processes, {sum(done.calls.values())} calls)")
        def _():
            row = ROWS[name]
            allowed = set().union(*(PROMISES[promise][1] for promise in row.promises))
            equal(sorted(set(done.calls) - allowed), [], "calls")
            homes = [str(path) for path in (instance.dir / "home").iterdir()]
            if "loads" not in row.promises:
                bases = homes if name in ("local", "maildirmake") else [str(instance.dir)]
                for place in bases:
                    mine = {(what, path) for what, path in done.paths if len(bases) == 1 or is_within(path, place)}
                    equal(strange_paths(name, mine, place), [], "paths")
                known = bases + [path for path, _ in row.paths if path.startswith("/")]
                equal([path for _, path in done.paths if not any(is_within(path, place) for place in known)], [], "elsewhere")
            equal(sorted(done.connections - {f"{instance.dir}/run/{socket}/s" for socket in row.sockets}), [], "sockets")
            if "the " not in row.children:
                equal(sorted(done.started - {f"{instance.dir}/bin/{child}" for child in row.children.split()}), [], "children")

        @case(f"{name}: what its row promises is used")
        def _():
            idle, known = unused(name, done.calls), set(UNUSED.get(name, {}))
            expect(not idle - known, f"never used: {sorted(idle - known)}")
            equal(sorted(known - idle), [], "is used after all, so take it out of UNUSED")

for name in sorted(ROWS):
    if TRACED and name in TRACED:
        print(f"  {name}: allowed and never called: {' '.join(sorted(set().union(*(PROMISES[one][1] for one in ROWS[name].promises)) - set(TRACED[name].calls)))}")
print(f"{len(TRACED)} programs, {sum(done.processes for done in TRACED.values())} processes, "
      f"{sum(sum(done.calls.values()) for done in TRACED.values())} calls, {sum(len(done.paths) for done in TRACED.values())} paths, "
      f"{sum(len(done.connections) for done in TRACED.values())} sockets", flush=True)
finish()
