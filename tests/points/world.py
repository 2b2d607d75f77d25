"""world - a complete Postern without s6, one process of which is killed, or has one system call fail, at a chosen point

    with World() as world:
        calls = world.run(scenario, "count").calls      # what there is to go wrong, in order
        point = world.run(scenario, "kill:17")          # the same again, killed before call 17

All programs run as their own users under their own filters; the one in question runs under tests/points/points.cc. A
run sends one message, starts again what has ended, waits until the queue is empty and looks at what lies in the mailbox.
What waits for a retry is flushed, as an operator would; nothing here sleeps.
"""
import contextlib
import os
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), *(os.path.join(os.path.dirname(HERE), name) for name in ("e2e", "auth", "remote"))]
from check import Failure, expect  # noqa: E402
from clients import Clients  # noqa: E402
from host import Host  # noqa: E402
from message import Call, Message, Run  # noqa: E402
from parts import DIGITS  # noqa: E402
from postern import Watch  # noqa: E402
from tls_hosts import Certificates  # noqa: E402
from tls_place import TlsPlace  # noqa: E402

SETTLE_SECONDS = 12

SERVICES = {  # in the order of their start
    "queue-clean": (["queue/queue-clean"], "pn-queue"),
    "queue-trusted": (["queue/queue-inject", "trusted"], "pn-queue"),
    "queue-anyone": (["queue/queue-inject", "anyone"], "pn-queue"),
    "bounce": (["send/bounce"], "pn-bounce"),
    "local-spawn": (["local/local-spawn", "local/local"], None),
    "remote-spawn": (["remote/remote-spawn", "remote/remote"], "pn-remote"),
    "queue-send": (["send/queue-send"], "pn-send"),
}


class World(Clients):
    def __enter__(self):
        super().__enter__()
        self.homes = {name: self.user(name) for name in ("alice", "bob", "elsewhere")}
        self.homes["quinn"] = self.user("quinn", quota="1000000000:1000000")
        self.host = Host(f"{self.homes['elsewhere']}/Maildir")
        tls = TlsPlace(self, with_certificates=False)
        tls.start_client()
        self.tls_host = Host(self.host.maildir, Certificates(os.path.join(self.path, "authorities"), tls.authority).certificate("far.example"), "-tls")
        self.control("smtproutes", f"far.example:{self.host.name}\nfartls.example:{self.tls_host.name}\n")
        os.mkfifo("run/queue-send/trigger")
        os.chown("run/queue-send/trigger", pwd.getpwnam("pn-send").pw_uid, pwd.getpwnam("pn-queue").pw_gid)
        os.chmod("run/queue-send/trigger", 0o620)
        self.sent, self.running, self.traced, self.traced_process = 0, {}, None, None
        self.report_path = os.path.join(self.path, "log", "points")
        open(self.report_path, "w").close()
        self.program("local/local")
        self.program("remote/remote")
        self.program("smtpd/smtpd")
        self.program("inject/inject")
        self.program("tools/tcplisten")
        self.listeners = {name: self.listen(name) for name in SERVICES if name != "queue-send"}
        self.listeners["queue-send"] = self.listen("queue-send", socket.SOCK_DGRAM)
        self.orders = self.listen("queue-orders")
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
        self.host.end()
        self.tls_host.end()
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
            process = subprocess.Popen([*self.fill(prefix, report, user), *words], stdin=self.listeners[name],
                                       stdout=self.orders if name == "queue-send" else log, stderr=log,
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

    def end(self, name, how=signal.SIGKILL):
        process = self.running.pop(name, None)
        if process and process is self.traced_process and how == signal.SIGKILL and process.poll() is None:
            os.kill(process.pid, signal.SIGUSR2)  # so that points ends after the program, which may hold a lock
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
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
        self.set_sizes(scenario)
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
        if run.calls:  # of the process that the point was in, or that did the work
            pids = [call.pid for call in run.calls]
            pid = run.hit.pid if run.hit else max(set(pids), key=pids.count)
            run.calls = [call for call in run.calls if call.pid == pid]
        if run.hit:
            run.made = [call.name for call in run.calls if call.count < run.hit.count]
        self.look(run)
        return run

    def send(self, run, prefix):
        """Sends in a thread: whoever takes it may have to be started again first."""
        def work():
            run.is_taken, run.answer = run.scenario.send(self, run.message, prefix)
            os.utime("log")  # wakes the watch

        thread = threading.Thread(target=work)
        thread.start()
        begin = time.monotonic()
        while thread.is_alive():
            is_quiet = not self.watch.wait(time.monotonic() + run.scenario.patience)
            if is_quiet or time.monotonic() - begin > 8 * run.scenario.patience:  # an operator waits for what the service cannot do
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
        begin = time.monotonic()
        deferred = restarts = 0
        while True:
            self.revive(run)
            if self.is_empty(run):
                break
            log = self.log_of("queue-send")
            waits = log.count("outcome=deferred") + log.count("event=lost")
            if waits > deferred:
                deferred = waits
                self.flush()
            if not self.watch.wait(time.monotonic() + run.scenario.patience):
                self.flush()
            passed = time.monotonic() - begin
            if passed > 3 * run.scenario.patience:
                self.replace_if_broken(run)
            if passed > (restarts + 1) * 8 * run.scenario.patience:  # what is asked again after 30 or 60 seconds is asked at a start
                self.end("queue-send", signal.SIGTERM)
                self.launch("queue-send")
                restarts += 1
                run.restarts += 1
            if passed > SETTLE_SECONDS:
                raise Failure(f"{run.scenario.name} {run.action}: the queue is not empty after {SETTLE_SECONDS} seconds: {self.queued()}; "
                              f"{self.log_of('queue-send')[-1500:]}")
        for process in self.orphans:
            process.wait(20)
        if run.scenario.service == "tcplisten" and run.action == "count":
            self.end_gently("tcplisten")

    def set_sizes(self, scenario):
        """maildirsize of the mailbox with a quota, the same for each run: the calls of `local` depend on it."""
        path = f"{self.homes['quinn']}/Maildir/maildirsize"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if not scenario.is_counted:
            with open(path, "w", encoding="ascii") as file:
                file.write("1000000000S,1000000C\n0 0\n")
            os.chown(path, *self.mailboxes["quinn"][:1] * 2)

    def noted(self):
        """How many messages that says at least; None: nobody would believe it."""
        try:
            with open(f"{self.homes['quinn']}/Maildir/maildirsize", encoding="ascii") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        if not re.fullmatch(r"1000000000S,1000000C\n(-?\d+ -?\d+\n)+", text):
            return None
        return sum(int(line.split()[1]) for line in text.splitlines()[1:])

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
        noted, copies = self.noted(), run.copies.get("quinn", 0)
        expect(noted is None or noted >= copies, f"{scenario.name} {run.action}: maildirsize says {noted} of {copies} messages")
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
