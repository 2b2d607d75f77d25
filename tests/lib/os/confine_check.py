#!/usr/bin/env python3
"""Every row of the manifest, confined for real: what it did not promise kills it, and no file, socket or limit is beyond its row"""
import collections
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from check import case, contains, equal, expect, finish, skip  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
work = tempfile.TemporaryDirectory(prefix="confine-")
os.chmod(work.name, 0o755)
PROBE = os.path.join(work.name, "probe")
subprocess.run(["g++", "-std=c++20", "-O1", "-fno-exceptions", "-static", f"-I{ROOT}", "-o", PROBE, os.path.join(ROOT, "tests/lib/os/confine_probe.cc"),
                os.path.join(BUILD, "lib/postern.a")], check=True)


def lay_out():
    """A directory as Postern's own, with the names that the probe asks for."""
    for name in ("control", "users", "users/full", "queue/tmp", "queue/todo/00", "queue/broken", "state", "log", "run/queue-send", "run/queue-inject", "home/alice", "tls/certs",
                 "tls/keys"):
        os.makedirs(os.path.join(work.name, name), exist_ok=True)
    for name in ("control/me", "users/cdb", "users/full/alice", "queue/tmp/mine", "queue/tmp/other", "queue/todo/00/old", "queue/todo/00/gone", "queue/todo/00/bad",
                 "state/00", "home/alice/secret"):
        with open(os.path.join(work.name, name), "w", encoding="ascii") as file:
            file.write("x\n")
    trigger = os.path.join(work.name, "run/queue-send/trigger")
    os.mkfifo(trigger)
    os.open(trigger, os.O_RDWR)  # somebody reads it as long as this process lives


def probe(what):
    """{row: [(case, wanted, got)]}"""
    done = subprocess.run([PROBE, what], cwd=work.name, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    equal(done.returncode, 0, done.stderr)
    rows = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        row, name, want, got = line.split("\t")
        rows[row].append((name, want, got))
    return rows


def agree(tried):
    wrong = [f"{name}: {got}, not {want}" for name, want, got in tried if got != want]
    expect(not wrong, "; ".join(wrong))


def cases(what, title, least):
    rows = probe(what)
    if not rows:
        @case(title)
        def _():
            skip("this kernel's Landlock is too old or missing")
    for row, tried in rows.items():
        @case(f"{row}: {title}")
        def _():
            expect(len(tried) >= least, "too few cases were tried")
            agree(tried)


if os.geteuid() != 0:
    @case("programs are held to their rows")
    def _():
        skip("rows of root's programs take root")
    finish()

lay_out()
cases("calls", "calls that it did not promise kill it, the others do not", 50)
cases("files", "files beyond its row are out of reach", 1)
cases("network", "its stranger's socket leads nowhere else", 1)
cases("limits", "descriptors and memory end where its row says", 2)
cases("exec", "its filter survives exec", 2)


@case("a program closes descriptors that its starter left open, and finds no variable that its row does not name")
def _():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    ours, theirs = socket.socketpair()
    smtpd = shutil.copy(os.path.join(BUILD, "smtpd/smtpd"), work.name)
    with subprocess.Popen([smtpd], cwd=work.name, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, pass_fds=[writing],
                          env={"NOTIFY": str(writing)}) as process:
        os.close(writing)
        theirs.close()
        ours.settimeout(20)
        expect(ours.recv(3) in (b"220", b"421"), "it does not speak")
        equal(os.read(reading, 1), b"", "the pipe's end")  # or it would block: somebody had it open
        ours.close()


@case("a sanitizer can say what it found in a confined program, which is still confined")
def _():
    probe_binary = os.path.join(work.name, "sanitized")
    sources = ["tests/lib/os/sanitized_probe.cc", "lib/os/confine.cc", "lib/os/fd.cc", "lib/os/log.cc", "lib/core/ascii.cc", "lib/core/number.cc",
               "lib/core/result.cc"]
    subprocess.run(["g++", "-std=c++20", "-g", "-fno-exceptions", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DPOSTERN_SANITIZE",
                    "-I.", "-o", probe_binary, *sources], cwd=ROOT, check=True)
    for mistake, code, words in (("none", 0, ""), ("overflow", 1, "heap-buffer-overflow on address"), ("arithmetic", 1, "signed integer overflow"),
                                 ("forbidden", -signal.SIGSYS, "")):
        done = subprocess.run([probe_binary, mistake], cwd=work.name, env={"ASAN_OPTIONS": "detect_leaks=0"}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, code, f"{mistake}: {done.stderr}")
        contains(done.stderr, words)


finish()
