#!/usr/bin/env python3
"""secrets_check - whose memory holds what: the private keys, the hashes and the passwords of a whole instance, looked for everywhere

    tests/e2e/secrets_check.py           tests/e2e/secrets_check.py long     and that a rolled key is forgotten after its last minute

The memory of every process is read through /proc/PID/mem: at rest, during sessions of every kind, and after them. Keys lie in
tlskeyd alone, hashes in authd alone, and a password nowhere once it was checked. What is to be found is found, too.
"""
import base64
import os
import pathlib
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, expect, finish, skip
from postern import Instance, root, wait_for_exit, wait_until
from tls_peer import Peer

SECRET_NUMBERS = ("priv", "privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient")
is_long = "long" in sys.argv[1:]


def numbers_of(key):
    """{name: bytes, most significant first} of what is secret in a key file."""
    text = subprocess.check_output(["openssl", "pkey", "-in", str(key), "-noout", "-text"], text=True)
    found = re.findall(r"^(\w+):\n((?:    +[0-9a-f:]+\n)+)", text, re.M)
    return {name: bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0") for name, digits in found if name in SECRET_NUMBERS}


def needles_of(key):
    """Pieces of 16 bytes of a key as memory may hold them: both orders of bytes, and the file's own lines."""
    numbers = numbers_of(key)
    expect(numbers, f"no number in {key}")
    pieces = []
    for number in numbers.values():
        for order in (number, number[::-1]):
            pieces += [order[at:at + 16] for at in (0, len(order) // 2 - 8, len(order) - 16)]
    lines = [line for line in key.read_bytes().splitlines() if b"-" not in line and len(line) >= 40]
    return pieces + lines[1:]


def memory_of(pid):
    """All that the process can write to, and what is its own otherwise; nothing when it has ended."""
    pieces = []
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
                span, rights, *_, inode = line.split()[:5]
                if rights[0] != "r" or (rights[1] != "w" and inode != "0") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                    continue
                start, end = (int(word, 16) for word in span.split("-"))
                try:
                    memory.seek(start)
                    pieces.append(memory.read(end - start))
                except OSError:
                    pass
    except (FileNotFoundError, ProcessLookupError):
        return None
    return b"\0".join(pieces)


with Instance(users=()) as mail:
    words = {name: f"pw-{secrets.token_hex(12)}" for name in ("alice", "bob", "wrong")}
    for user in ("alice", "bob"):
        equal(mail.run("user", "add", user).returncode, 0)
        equal(mail.run("user", "passwd", user, message=words[user].encode() + b"\n").returncode, 0)
    wait_until(lambda: (mail.dir / "users/passwords").exists(), [mail.dir / "users"])
    keys = sorted((mail.dir / "tls/keys").glob("*.pem"))
    key_needles = [needle for key in keys for needle in needles_of(key)]

    def hash_needles():
        lines = (mail.dir / "users/passwords").read_bytes().splitlines()
        long_words = {word for line in lines for word in re.split(rb"[:, =]", line) if len(word) >= 20}
        return sorted(long_words | {word[-30:] for word in long_words if word.startswith(b"$")})

    def password_needles():
        found = []
        for name, word in words.items():
            for login in ("alice", "bob"):
                found.append(base64.b64encode(f"\0{login}\0{word}".encode()))
            found += [word.encode(), base64.b64encode(word.encode())]
        return found

    def everybody():
        """{pid: name} of the programs of this instance and s6's at work for it."""
        found = dict(mail.processes())
        for entry in pathlib.Path("/proc").iterdir():
            try:
                name = pathlib.Path(os.readlink(entry / "exe")).name
                if name.startswith("s6-") and os.readlink(entry / "cwd").startswith(str(mail.dir)):
                    found[int(entry.name)] = name
            except (OSError, ValueError):
                pass
        return found

    def holding(needles):
        """{pid: name} of the processes in whose memory one of them lies."""
        found = {}
        for pid, name in everybody().items():
            memory = memory_of(pid)
            if memory is not None and any(needle in memory for needle in needles):
                found[pid] = name
        return found

    def holders(needles):
        return set(holding(needles).values())

    def look(when):
        @case(f"{when}: private keys in tlskeyd alone")
        def _():
            equal(holders(key_needles), {"tlskeyd"})

        @case(f"{when}: hashes in authd alone")
        def _():
            equal(holders(hash_needles()), {"authd"} if when != "at rest" else holders(hash_needles()) & {"authd"})

        @case(f"{when}: no password in any process")
        def _():
            equal(holders(password_needles()), set())

    @case("memory can be read here, and what a client said is found in it")
    def _():
        mark = f"mark-{secrets.token_hex(8)}.example"
        with Peer(mail, "submissions") as peer:
            equal(peer.code("EHLO " + mark), 250)
            try:
                found = holders([mark.encode()])
            except PermissionError:
                skip("NOT SHOWN: the kernel does not let root read the memory of other processes")
            expect("smtpd" in found, f"found in {found}")

    look("at rest")

    sessions = [Peer(mail, "smtpd"), Peer(mail, "submissions"), Peer(mail, "submission"), Peer(mail, "submissions"), Peer(mail, "submissions")]
    over_smtp, plain, login, failed, waiting = sessions
    half = socket.create_connection(("127.0.0.1", mail.ports["submissions"]), 30)

    @case("sessions of every kind: idle, logged in by PLAIN and LOGIN, refused, in the middle of AUTH, a message under way, half a handshake")
    def _():
        over_smtp.features()
        over_smtp.starttls()
        equal(plain.enter("alice", words["alice"]), 235)
        equal(plain.code("MAIL FROM:<alice@here.example>"), 250)
        equal(plain.code("RCPT TO:<bob@here.example>"), 250)
        equal(plain.code("DATA"), 354)
        plain.take("From: alice@here.example\r\nSubject: under way\r\n\r\n")
        login.features()
        login.starttls()
        login.features()
        equal(login.log_in("bob", words["bob"], "LOGIN"), 235)
        failed.features()
        equal(failed.log_in("alice", words["wrong"]), 535)
        equal(failed.log_in("bob", words["wrong"], "LOGIN"), 535)
        waiting.features()
        equal(waiting.code("AUTH LOGIN"), 334)
        half.sendall(b"\x16\x03\x01")
        expect({"smtpd", "tlsd"} <= set(everybody().values()), "they do not run")

    look("during sessions")

    @case("a password that is half said is in the processes of its session at most, and gone with them")
    def _():
        half_word = base64.b64encode(f"half-{secrets.token_hex(12)}".encode())
        with Peer(mail, "submissions") as peer:
            peer.features()
            equal(peer.code("AUTH LOGIN"), 334)
            equal(peer.code("YWxpY2U="), 334)
            peer.take(half_word)
            having = wait_until(lambda: holding([half_word]), [mail.dir / "log/submissions"], 2, "anybody who has it")
            expect(set(having.values()) <= {"smtpd", "tlsd"}, str(having))
        for pid in having:
            wait_for_exit(pid)
        equal(holders([half_word]), set())

    for session in sessions:
        session.close()
    half.close()

    look("after the sessions")

    # --- keys roll

    def certificate():
        with Peer(mail, "submissions") as peer:
            return peer.socket.getpeercert(binary_form=True)

    @case("keys roll without a restart: new connections get the new certificate, sessions go on, nobody was started anew")
    def _():
        global key_needles, old_needles  # pylint: disable=global-statement
        before, pids = certificate(), {name: mail.service(name).pid() for name in ("tlsd", "tlskeyd", "submissions")}
        old_needles = key_needles
        with Peer(mail, "submissions") as session:
            session.features()
            subprocess.run([str(root / "tools/instance-certificates"), str(mail.dir), "again"], check=True, capture_output=True)
            for service in ("tlskeyd", "tlsd"):
                mail.service(service).send_signal(signal.SIGHUP)
            wait_until(lambda: certificate() != before, [mail.dir / "log/tlsd", mail.dir / "log/tlskeyd"], what="the new certificate")
            equal(session.log_in("alice", words["alice"]), 235)
        equal({name: mail.service(name).pid() for name in pids}, pids)
        key_needles = [needle for key in keys for needle in needles_of(key)]
        equal(holders(key_needles), {"tlskeyd"})

    @case("a rolled key is nowhere, when its last minute is over")
    def _():
        if not is_long:
            skip("tests/e2e/secrets_check.py long waits for it")
        wait_until(lambda: " event=wiped " in mail.log("tlskeyd"), [mail.dir / "log/tlskeyd"], 100, "that tlskeyd overwrites the old keys")
        equal(holders(old_needles), set())

finish()
