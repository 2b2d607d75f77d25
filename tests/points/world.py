"""world - a complete Postern without s6, one process of which is killed, or has one system call fail, at a chosen point

    with World() as world:
        calls = world.run(scenario, "count").calls      # what there is to go wrong, in order
        point = world.run(scenario, "kill:17")          # the same again, killed before call 17

All programs run as their own users under their own filters; the one in question runs under tests/points/points.cc. A
run sends one message, starts again what has ended, waits until the queue is empty and looks at what lies in the mailbox.
What waits for a retry is flushed, as an operator would; nothing here sleeps.
"""
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "e2e")]
from check import Failure, expect  # noqa: E402
from parts import BUILD, DIGITS, Parts, envelope, inject  # noqa: E402
from postern import Watch  # noqa: E402

POINTS = os.path.join(BUILD, "tests/points/points")
SETTLE_SECONDS = 12
LINE = b"0123456789abcdef" * 4 + b"\n"

SERVICES = {  # in the order of their start
    "queue-clean": (["queue/queue-clean"], "pn-queue"),
    "queue-trusted": (["queue/queue-inject", "trusted"], "pn-queue"),
    "queue-anyone": (["queue/queue-inject", "anyone"], "pn-queue"),
    "bounce": (["send/bounce"], "pn-bounce"),
    "local-spawn": (["local/local-spawn", "local/local"], None),
    "queue-send": (["send/queue-send"], "pn-send"),
}


def syscall_names():
    names = {}
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            with open(path) as header:
                names = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read())}
    return names


NAMES = syscall_names()


class Call:
    """A line of points' report: word, role, pid, number within its process, system call, first argument or status."""

    def __init__(self, line):
        self.word, self.role, pid, count, number, self.last = line.split()
        self.pid, self.count, self.last = int(pid), int(count), int(self.last)
        self.name = NAMES.get(int(number), number)


class Message:
    """One that can be told from all others, and of which a missing byte is seen."""

    def __init__(self, number, recipients, sender="sender@client.example", lines=1100):
        self.number, self.recipients, self.sender = number, recipients, sender
        self.mark = b"message-%d-" % number
        body = self.mark + b"begins\n" + LINE * lines + self.mark + b"ends\n"
        self.body = b"\n" + body
        self.text = b"From: <sender@client.example>\nSubject: " + self.mark + b"\n" + self.body


class Run:
    """What became of a message, and of the process that the point was in."""

    def __init__(self, scenario, action, message):
        self.scenario, self.action, self.message = scenario, action, message
        self.is_taken, self.answer = False, ""  # acknowledged, and in which words
        self.copies = {}                        # recipient -> how often delivered, each time whole
        self.calls, self.hit, self.ends = [], None, []
        self.said = ""                          # all that the program said on its log
        self.restarts = 0
        self.is_replaced = False


class World(Parts):
    def __enter__(self):
        super().__enter__()
        self.homes = {name: self.user(name) for name in ("alice", "bob")}
        os.mkfifo("run/queue-send/trigger")
        os.chown("run/queue-send/trigger", pwd.getpwnam("pn-send").pw_uid, pwd.getpwnam("pn-queue").pw_gid)
        os.chmod("run/queue-send/trigger", 0o620)
        self.sent, self.running, self.traced, self.traced_process = 0, {}, None, None
        self.report_path = os.path.join(self.path, "log", "points")
        open(self.report_path, "w").close()
        self.program("local/local")
        self.program("smtpd/smtpd")
        self.program("inject/inject")
        self.program("tools/tcplisten")
        self.listeners = {name: self.listen(name) for name in SERVICES if name != "queue-send"}
        self.listeners["queue-send"] = self.listen("queue-send", socket.SOCK_DGRAM)
        self.port_listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listeners["tcplisten"] = self.port_listener
        for name in SERVICES:
            self.launch(name)
        folders = [f"queue/todo/{a}{b}" for a in DIGITS for b in DIGITS] + [f"{home}/Maildir/new" for home in self.homes.values()]
        self.watch = Watch(*folders, "log")
        self.watch.__enter__()
        return self

    def __exit__(self, *_):
        self.watch.__exit__()
        for name in list(self.running):
            self.end(name)
        super().__exit__()

    # --- services

    def launch(self, name, prefix=()):
        """Starts a service; returns when it is ready or has ended."""
        words, user = self.words_of(name)
        reader, writer = os.pipe()
        who = {}
        if user and not prefix:
            entry = pwd.getpwnam(user)
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        report = os.open(self.report_path, os.O_WRONLY | os.O_APPEND) if prefix else None
        with open(f"log/{name}", "ab") as log:
            process = subprocess.Popen([*self.fill(prefix, report, user), *words], stdin=self.listeners[name], stdout=log, stderr=log,
                                       env=self.environment_of(name, writer), start_new_session=True,
                                       pass_fds=[writer, self.port_listener.fileno()] + ([report] if prefix else []), **who)
        os.close(writer)
        if report is not None:
            os.close(report)
        ready = os.read(reader, 1) if select.select([reader], [], [], 20)[0] else b"?"
        os.close(reader)
        expect(ready == b"\n" or (prefix and ready == b""), lambda: f"{name} is not ready: {self.log_of(name)[-500:]}")
        self.running[name] = process
        if prefix:
            self.traced_process = process

    def words_of(self, name):
        if name == "tcplisten":
            return [self.program("tools/tcplisten"), "-f", str(self.port_listener.fileno()), self.program("smtpd/smtpd")], "pn-smtp"
        words, user = SERVICES[name]
        return [self.program(words[0]), *(self.program(word) if "/" in word else word for word in words[1:])], user

    @staticmethod
    def environment_of(name, writer):
        entry = pwd.getpwnam("pn-smtp")
        who = {"UID": str(entry.pw_uid), "GID": str(entry.pw_gid), "GIDLIST": ""} if name == "tcplisten" else {}
        return {"NOTIFY": str(writer), **who}

    @staticmethod
    def fill(prefix, report, user):
        """points' own arguments"""
        if not prefix:
            return []
        role, begin, action = prefix
        entry = pwd.getpwnam(user) if user else None
        return [POINTS, str(report), role, begin, action, str(entry.pw_uid if entry else 0), str(entry.pw_gid if entry else 0)]

    def end(self, name, how=signal.SIGKILL):
        process = self.running.pop(name, None)
        if process and process.poll() is None:
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                pass
        if process:
            process.wait(20)

    def end_gently(self, name):
        """TERM to a service, for its last calls to be counted too."""
        process = self.running.pop(name, None)
        if process:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)

    def flush(self):
        try:
            os.killpg(self.running["queue-send"].pid, signal.SIGALRM)
        except ProcessLookupError:
            pass

    def log_of(self, name):
        try:
            with open(f"log/{name}", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def report(self):
        with open(self.report_path) as file:
            text = file.read()
        return [Call(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    # --- one run

    def run(self, scenario, action):
        """One message through everything, with this point in it."""
        service = scenario.service
        if self.traced and self.traced in self.running:  # what the last run left could reach its point in this one
            self.end(self.traced)
            if self.traced != service and self.traced != "tcplisten":
                self.launch(self.traced)
        self.traced = service
        for name in os.listdir("log"):
            os.truncate(f"log/{name}", 0)
        self.sent += 1
        message = scenario.message(self.sent)
        run = Run(scenario, action, message)
        prefix = (scenario.role, scenario.begin, action)
        if service:
            self.end(service)
        self.orphans = []
        if scenario.sends_first:
            run.is_taken, run.answer = scenario.send(self, message, prefix)
            self.move_to_front(run)
        if service:
            self.launch(service, prefix)
        if scenario.begin == "told":
            self.tell(service)
        if not scenario.sends_first:
            self.send(run, prefix)
        self.settle(run)
        for entry in self.report():
            if entry.word == "call":
                run.calls.append(entry)
            elif entry.word == "hit":
                run.hit = entry
            elif entry.word == "end":
                run.ends.append(entry)
        run.said = "".join(f"{name}: {line}\n" for name in sorted(os.listdir("log")) if name != "points"
                           for line in self.log_of(name).splitlines())
        if run.calls:  # of the process that did the work
            pids = [call.pid for call in run.calls]
            busiest = max(set(pids), key=pids.count)
            run.calls = [call for call in run.calls if call.pid == busiest]
        self.look(run)
        return run

    def send(self, run, prefix):
        """Sends in a thread: whoever takes it may have to be started again first."""
        def work():
            run.is_taken, run.answer = run.scenario.send(self, run.message, prefix)
            os.utime("log")  # wakes the watch

        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            if not self.watch.wait(time.monotonic() + run.scenario.patience):
                self.replace_if_broken(run)
            self.revive(run)
        thread.join()

    def replace_if_broken(self, run):
        """A service whose call fails for ever gets a successor without that, as when an operator has made room."""
        service = run.scenario.service
        if service and run.action.endswith(":on") and not run.is_replaced and service in self.running:
            run.is_replaced = True
            self.end(service, signal.SIGKILL)
            self.launch(service)

    def tell(self, service):
        """The traced service has seen an empty queue and waits: from here on its calls count."""
        process = self.running[service]
        self.connect_and_wait_for_done()
        os.kill(process.pid, signal.SIGUSR1)
        deadline = time.monotonic() + 20
        while not any(entry.word == "told" for entry in self.report()):
            expect(self.watch.wait(deadline), "queue-send never waits")

    def connect_and_wait_for_done(self):
        """A message before the one that counts: when it is done, all services are connected."""
        self.sent += 1
        is_taken, answer = self.queue_directly(Message(self.sent, ("alice@mini.example",), lines=1))
        expect(is_taken, answer)
        deadline = time.monotonic() + 20
        while f"event=done id={answer}" not in self.log_of("queue-send"):
            expect(self.watch.wait(deadline), f"not delivered: {self.log_of('queue-send')}")
        for name in os.listdir(f"{self.homes['alice']}/Maildir/new"):
            os.unlink(f"{self.homes['alice']}/Maildir/new/{name}")
        os.truncate("log/queue-send", 0)

    def move_to_front(self, run):
        """Gives a waiting message the directory that is walked first."""
        if not run.is_taken:
            return
        front = run.answer[:-2] + "00"
        os.rename(f"queue/todo/{run.answer[-2:]}/{run.answer}", f"queue/todo/00/{front}")
        run.answer = front

    def revive(self, run):
        """What ended is started again, as s6 would, but at once."""
        for name, process in list(self.running.items()):
            has_ended = process.poll() is not None
            if not has_ended and process is self.traced_process:
                has_ended = any(call.word == "end" and call.role == "main" for call in self.report())
                if has_ended:  # its children live on, as they would
                    self.orphans.append(process)
            if has_ended:
                run.restarts += 1
                del self.running[name]
                self.launch(name)

    def is_empty(self, run):
        if run.is_taken and run.answer:
            identity = run.answer
            if os.path.exists(f"queue/todo/{identity[-2:]}/{identity}"):
                return False
        if self.queued():
            return False
        return not any(names for folder, _, names in os.walk("state") if folder != "state")

    def settle(self, run):
        """Until nothing is left to do: the queue and the state are empty, and nothing of the traced process still runs."""
        deadline = time.monotonic() + SETTLE_SECONDS
        quiet = 0
        deferred = 0
        while True:
            self.revive(run)
            if self.is_empty(run):
                break
            log = self.log_of("queue-send")
            waits = log.count("outcome=deferred") + log.count("event=lost")
            if waits > deferred:
                deferred = waits
                self.flush()
            if self.watch.wait(min(deadline, time.monotonic() + run.scenario.patience)):
                quiet = 0
                continue
            quiet += 1
            self.flush()
            if quiet == 2:
                self.replace_if_broken(run)
            if quiet == 3:  # bounce and queue-clean are asked again after 30 and 60 seconds, or when queue-send starts
                self.end("queue-send", signal.SIGTERM)
                self.launch("queue-send")
                run.restarts += 1
            if time.monotonic() >= deadline:
                raise Failure(f"{run.scenario.name} {run.action}: the queue is not empty after {SETTLE_SECONDS} seconds: {self.queued()}; "
                              f"{self.log_of('queue-send')[-1500:]}")
        for process in self.orphans:
            process.wait(20)
        if run.scenario.service == "tcplisten" and run.action == "count":
            self.end_gently("tcplisten")

    def look(self, run):
        """Every file in new/ is a whole message of ours; those of this run are counted and removed."""
        scenario, message = run.scenario, run.message
        for name, home in self.homes.items():
            for file in os.listdir(f"{home}/Maildir/new"):
                path = f"{home}/Maildir/new/{file}"
                with open(path, "rb") as stream:
                    content = stream.read()
                os.unlink(path)
                expect(content.startswith(b"Return-Path: <"), f"{scenario.name} {run.action}: {path} begins {content[:80]!r}")
                expect(message.mark in content, f"{scenario.name} {run.action}: an old message came again: {content[:300]!r}")
                expect(scenario.is_whole(content, message), f"{scenario.name} {run.action}: half a message was delivered: {len(content)} bytes, {content[-200:]!r}")
                run.copies[name] = run.copies.get(name, 0) + 1
        broken = os.listdir("queue/broken")
        expect(not broken, f"{scenario.name} {run.action}: in queue/broken: {broken}")
        run.leftover = len(os.listdir("queue/tmp"))
        for folder in ["queue/tmp"] + [f"{home}/Maildir/tmp" for home in self.homes.values()]:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))

    def again(self, run):
        """One more message through the same processes: what is wrong with it, or None."""
        if not run.scenario.service or run.is_replaced or run.restarts or run.action.endswith(":on"):
            return None
        self.sent += 1
        second = Run(run.scenario, run.action + ", the next message", run.scenario.message(self.sent))
        self.send(second, ())
        self.settle(second)
        self.look(second)
        if not second.is_taken or any(second.copies.get(name, 0) != 1 for name in run.scenario.mailboxes):
            return f"the next message: {second.answer}, {second.copies}"
        return None

    # --- ways in

    def start_traced(self, words, user, prefix, environment, **descriptors):
        report = os.open(self.report_path, os.O_WRONLY | os.O_APPEND)
        entry = pwd.getpwnam(user)
        words = [self.program(words[0]), *words[1:]]
        if prefix:
            words = self.fill(prefix, report, user) + words
            who = {}
        else:
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with open(f"log/{os.path.basename(words[-1] if not prefix else words[7])}", "ab") as log:
            process = subprocess.Popen(words, env=environment, stderr=log, start_new_session=True, pass_fds=[report], **who, **descriptors)
        os.close(report)
        return process

    def queue_directly(self, message):
        """Through queue-inject's `anyone`."""
        try:
            with self.connect("queue-anyone") as stream:
                letter, text = inject(stream, message.text, envelope(message.sender, message.recipients))
        except (EOFError, OSError) as error:
            return False, f"! {error}"
        return letter == b"Y", text.decode() if letter == b"Y" else letter.decode() + " " + text.decode()

    def by_smtp(self, message, prefix):
        """Through an smtpd of its own."""
        ours, theirs = socket.socketpair()
        environment = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEPORT": "1025", "TCPLOCALIP": "192.0.2.2", "TCPLOCALPORT": "25"}
        process = self.start_traced(["smtpd/smtpd"], "pn-smtp", prefix, environment, stdin=theirs, stdout=theirs)
        theirs.close()
        result = converse(ours, message)
        process.wait(20)
        return result

    def by_inject(self, message, prefix):
        reader, writer = os.pipe()
        with open("message", "wb") as file:
            file.write(message.text)
        with open("message", "rb") as file:
            words = ["inject/inject", "-v", "-f", message.sender, *message.recipients]
            process = self.start_traced(words, "nobody", prefix, {"POSTERN_DIR": self.path}, stdin=file, stdout=writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            text = answer.read().decode().strip()
        code = process.wait(20)
        return code == 0, text if code == 0 and len(text) == 19 else "" if code == 0 else f"exit {code}"


def converse(stream, message):
    """An SMTP session with one message; (acknowledged, ID or the last reply)."""
    stream.settimeout(10)
    replies = stream.makefile("rb")

    def reply():
        while True:
            line = replies.readline()
            if line[3:4] != b"-":
                return line.decode("latin-1").strip()

    said = ""
    with stream:
        try:
            said = reply()
            steps = [b"EHLO client.example\r\n", b"MAIL FROM:<%s>\r\n" % message.sender.encode()]
            steps += [b"RCPT TO:<%s>\r\n" % recipient.encode() for recipient in message.recipients] + [b"DATA\r\n"]
            for step in steps:
                if said[:1] not in ("2", "3"):
                    return False, said
                stream.sendall(step)
                said = reply()
            if said[:3] != "354":
                return False, said
            stream.sendall(message.text.replace(b"\n", b"\r\n") + b".\r\n")
            said = reply()
            if said[:3] != "250":
                return False, said
            identity = re.search(r"[0-9a-v]{19}", said)
            try:
                stream.sendall(b"QUIT\r\n")
                reply()
            except OSError:
                pass
            return True, identity[0] if identity else ""
        except OSError as error:
            return False, f"! {error}"
