#!/usr/bin/env python3
"""inject_check - messages from a shell, of any bytes, from nobody, many at once: through a whole instance to the Maildir"""
import pathlib
import re
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance

nobody = 65534

with Instance(users=("alice",), domains=("here.example",)) as mail:

    def next_message(action):
        before = set(mail.message_files("alice"))
        done = action()
        equal((done.returncode, done.stderr), (0, b""))
        mail.wait_for_messages("alice", len(before) + 1)
        path, = set(mail.message_files("alice")) - before
        return path.read_bytes()

    @case("a pipe in a shell, as nobody")
    def _():
        raw = next_message(lambda: subprocess.run(
            ["sh", "-c", f"printf 'Subject: hand made\\n\\nHi.\\n' | {mail.dir}/bin/inject --dir {mail.dir} alice@here.example"],
            capture_output=True, check=False, cwd="/", user=nobody, group=nobody, extra_groups=[], env={"USER": "nobody", "PATH": "/bin:/usr/bin"}))
        contains(raw, b"\nSubject: hand made\n")
        contains(raw, b"\nFrom: nobody@")
        expect(raw.endswith(b"\n\nHi.\n"), raw)
        expect(re.search(rb"^Received: .*\buid 65534\b", raw, re.M), f"Received names the uid: {raw!r}")

    @case("all 256 bytes arrive, CR LF as LF and other CRs as they are")
    def _():
        every = bytes(range(256)) * 300
        text = b"To: alice@here.example\r\nSubject: bytes\r\n\r\n" + every + b"\r\nFrom x\r\n.\r\n\rlast"
        raw = next_message(lambda: mail.inject(message=text, uid=nobody))
        expect(raw.endswith(b"\n\n" + every + b"\nFrom x\n.\n\rlast\n"), "the body differs")

    @case("forty at once of one uid, which may have ten connections: all arrive")
    def _():
        before = len(mail.message_files("alice"))
        text = b"Subject: many\n\n" + b"x" * 100_000 + b"\n"
        command = [str(mail.dir / "bin/inject"), "--dir", str(mail.dir), "alice@here.example"]
        running = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", user=nobody, group=nobody, extra_groups=[])
                   for _ in range(40)]
        for process in running:
            process.stdin.write(text)
        for process in running:  # their ends come together
            process.stdin.close()
        for process in running:
            equal((process.wait(60), process.stderr.read()), (0, b""))
        mail.wait_for_messages("alice", before + 40, 60)

    @case("while it reads it is confined, with the rights of its caller at most")
    def _():
        process = subprocess.Popen([str(mail.dir / "bin/inject"), "--dir", str(mail.dir), "alice@here.example"], stdin=subprocess.PIPE, cwd="/",
                                   user=nobody, group=nobody, extra_groups=[])
        process.stdin.write(b"Subject: slow\n\n" + b"x" * 200_000)  # more than a pipe holds: it returns when inject has read
        process.stdin.flush()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        for line in ("Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}"):
            contains(status, line)
        process.kill()
        process.wait()
        expect((mail.dir / "bin/inject").stat().st_mode & 0o6000 == 0, "set-id bits")
        before = len(mail.message_files("alice"))
        next_message(lambda: mail.inject("alice@here.example", message=b"Subject: after\n\n"))
        equal(len(mail.message_files("alice")), before + 1, "a message that was never whole is not delivered")

    @case("a message that has been through too many hosts is refused")
    def _():
        done = mail.inject("alice@here.example", message=b"Received: x\n" * 101 + b"\n", uid=nobody)
        equal(done.returncode, 100)
        contains(done.stderr, b"5.4.6")

finish()
