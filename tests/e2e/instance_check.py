#!/usr/bin/env python3
"""instance_check - tools/instance: what it refuses, two at a time, stop and start again"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance, has_exited, root


PORTS = {"smtpd": ("SMTP_PORT", 25), "submission": ("SUBMISSION_PORT", 587), "submissions": ("SMTPS_PORT", 465),
         "pop3": ("POP3_PORT", 110), "pop3s": ("POP3S_PORT", 995)}


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:  # it ended meanwhile
        return ""


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
                          ["--set", "nonsense=1"], ["--set", "me"], ["--port-base", "x"], ["--port-base", "65000"], ["--user", "alice"], ["--colour", "blue"],
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
        for service, (variable, offset) in PORTS.items():
            if (first.dir / "service" / service).exists():
                equal(int(first.env[variable]), first.port_base + offset, variable)
        equal(int(first.env["SMTP_PORT"]), first.port_base + 25)

    @case("its certificates, of an ECDSA and an RSA key, are for its domain and loopback, by the authority in CAFILE")
    def _():
        for kind, algorithm in (("ecdsa", "id-ecPublicKey"), ("rsa", "rsaEncryption")):
            certificate = str(first.dir / f"tls/certs/instance-{kind}.pem")
            contains(subprocess.check_output(["openssl", "x509", "-in", certificate, "-noout", "-text"], text=True), algorithm)
            for option, name in (("hostname", "here.example"), ("hostname", "localhost"), ("ip", "127.0.0.1"), ("ip", "::1")):
                subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", first.env["CAFILE"], f"-verify_{option}",
                                name, certificate], check=True, capture_output=True)
            refused = subprocess.run(["openssl", "verify", "-CAfile", first.env["CAFILE"], "-verify_hostname", "there.example", certificate],
                                     check=False, capture_output=True)
            expect(refused.returncode != 0, "it is for everybody")

    @case("keys are for root and tlskeyd's group only, the authority's for root")
    def _():
        for path in (first.dir / "tls/keys").iterdir():
            equal((path.stat().st_mode & 0o777, path.group()), (0o640, "pn-key"), str(path))
        equal([oct(os.stat(first.dir / "tls" / name).st_mode & 0o777) for name in ("keys", "authority")], ["0o750", "0o700"])

    @case("certificates are made again when asked, or when there is another domain; the authority stays")
    def _():
        def now():
            return {path.name: path.read_bytes() for part in ("certs", "keys") for path in (first.dir / "tls" / part).iterdir()}

        def make(*again):
            subprocess.run([str(root / "tools/instance-certificates"), str(first.dir), *again], check=True, capture_output=True)

        authority, before = pathlib.Path(first.env["CAFILE"]).read_bytes(), now()
        make()
        equal(now(), before, "they were good")
        make("again")
        after = now()
        expect(all(after[name] != before[name] for name in before), "they are the same")
        with open(first.dir / "control/locals", "a", encoding="ascii") as locals_:
            locals_.write("other.example\n")
        make()
        subprocess.run(["openssl", "verify", "-CAfile", first.env["CAFILE"], "-verify_hostname", "other.example",
                        str(first.dir / "tls/certs/instance-rsa.pem")], check=True, capture_output=True)
        equal(pathlib.Path(first.env["CAFILE"]).read_bytes(), authority)

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
            expect(any(f"port {first.port_base + port} cannot be had" in done.stderr for port in (25, 110, 465, 587, 995)), done.stderr)

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

    @case("stop ends what a killed s6-svscan left, supervisors before what they would start anew")
    def _():
        here = [int(pid) for pid in subprocess.check_output(["pgrep", "-f", str(first.dir)]).split()]
        scanner = [pid for pid in here if pathlib.Path(f"/proc/{pid}/comm").read_text() == "s6-svscan\n"]
        os.kill(*scanner, signal.SIGKILL)
        equal(first.stop().returncode, 0)
        left = [path for path in pathlib.Path("/proc").glob("[0-9]*/cwd") if link_of(path).startswith(str(first.dir))]
        equal([(path, link_of(path.with_name("exe"))) for path in left], [])

finish()
