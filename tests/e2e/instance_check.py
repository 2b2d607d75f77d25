#!/usr/bin/env python3
"""instance_check - tools/instance: what it refuses, two at a time, stop and start again"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance, has_exited, root


def instance(*arguments, uid=None):
    return subprocess.run([str(root / "tools/instance"), *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          user=uid, cwd="/")


@case("without root: one line and exit 100")
def _():
    with tempfile.TemporaryDirectory() as copy:  # where nobody may read it, wherever the checkout is
        os.chmod(copy, 0o755)
        program = pathlib.Path(copy) / "instance"
        program.write_bytes((root / "tools/instance").read_bytes())
        program.chmod(0o755)
        done = subprocess.run([str(program), "start", "/tmp/nowhere"], capture_output=True, text=True, check=False, user=65534)
    equal((done.returncode, done.stdout, done.stderr.count("\n")), (100, "", 1))
    contains(done.stderr, "root")


@case("a parent that lets nobody pass is named")
def _():
    with tempfile.TemporaryDirectory() as closed:
        done = instance("start", f"{closed}/below/instance")
    equal(done.returncode, 100)
    contains(done.stderr, closed)


@case("what it cannot do is refused, not ignored")
def _():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for arguments in (["--relay", "127.0.0.1"], ["--relay", "a b:25"], ["--dns", "example.org"], ["--dns", "127.0.0.1:x"],
                          ["--set", "nonsense=1"], ["--set", "me"], ["--port-base", "x"], ["--user", "alice"], ["--colour", "blue"],
                          ["--domain"]):
            done = instance("start", f"{directory}/i", *arguments)
            equal((done.returncode, done.stderr.count("\n")), (100, 1), f"{arguments}: {done.stderr}")
    equal(instance("stop", "/nonexistent").returncode, 100)
    equal(instance("status", "/nonexistent").returncode, 100)
    equal(instance("burn", "/tmp").returncode, 100)


with Instance(users=("alice",), settings={"concurrencylocal": "7", "virtualdomains": ["v.example:v", "w.example:w"]}) as first:

    @case("DIR/env says where everything is")
    def _():
        for name in ("QUEUE", "HOMES", "CONTROL", "LOG", "RUN"):
            expect(os.path.isdir(first.env[name]), f"{name}={first.env[name]}")
        equal(first.env["DOMAIN"], "here.example")
        equal(int(first.env["SMTP_PORT"]), first.port_base + 25)

    @case("--set writes control files, a further one of a name a further line")
    def _():
        equal((first.dir / "control/concurrencylocal").read_text(), "7\n")
        equal((first.dir / "control/virtualdomains").read_text(), "v.example:v\nw.example:w\n")

    @case("status: every service is up and ready")
    def _():
        done = first.command("status")
        equal(done.returncode, 0, done.stdout)
        equal(done.stdout.count(" ready "), len(first.services()), done.stdout)

    @case("start of a running one is refused and disturbs nothing")
    def _():
        before = first.processes()
        equal(first.command("start").returncode, 100)
        equal(first.processes(), before)

    @case("a port in use is named at once")
    def _():
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            done = instance("start", f"{directory}/i", "--port-base", str(first.port_base))
            equal(done.returncode, 100)
            contains(done.stderr, str(first.port_base + 25))

    @case("two at once do not disturb each other")
    def _():
        with Instance(users=("alice",)) as second:
            for mail in (first, second):
                mail.send("alice", b"Subject: hello\r\n\r\n")
                mail.wait_for_messages("alice", 1)
        equal(first.command("status").returncode, 0)
        equal(len(first.messages("alice")), 1)

    @case("--relay: mail for all other hosts goes there")
    def _():
        with Instance(users=("carol",), domains=("there.example",), arguments=("--relay", f"127.0.0.1:{first.port}")) as other:
            for subject in ("one", "two"):
                done = other.inject(message=f"To: alice@here.example\nSubject: {subject}\n\n".encode())
                equal(done.returncode, 0, done.stderr)
            first.wait_for_messages("alice", 3)
            other.wait_for_empty_queue()
            equal((other.dir / "control/smtproutes").read_text(), f":[127.0.0.1]:{first.port}\n")

    @case("stop leaves no process, start goes on with the mail and the queue")
    def _():
        (first.dir / "control/concurrencylocal").write_text("0\n")
        first.service("queue-send").restart()
        first.send("alice", b"Subject: waits\r\n\r\n")
        equal(len(first.queued()), 1)
        supervisors = [int(pid) for pid in subprocess.check_output(["pgrep", "-f", str(first.dir)]).split()]
        pids = set(first.processes()) | set(supervisors)
        expect(len(pids) > 10, "there should be processes")
        equal(first.stop().returncode, 0)
        equal([pid for pid in pids if not has_exited(pid)], [])
        equal(first.command("status").returncode, 1)
        equal(first.stop().returncode, 0, "a second stop")
        done = first.command("start", "--set", "concurrencylocal=20")
        equal(done.returncode, 0, done.stderr)
        first.wait_for_messages("alice", 4)
        first.wait_for_empty_queue()

finish()
