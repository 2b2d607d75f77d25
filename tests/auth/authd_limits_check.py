#!/usr/bin/env python3
"""authd as a process of its own: slow-down, limits, hostile records, children that die, what stays in memory and in the log

    tests/auth/authd_limits_check.py [long]      long: 100,000 aborted tries instead of 4,000
"""
import os
import pathlib
import re
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import netstring, record  # noqa: E402

if os.geteuid() != 0:
    @case("authd answers")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from auth_place import AuthClient, as_asker, entry, salt, write_passwords  # noqa: E402
from authd_running import APP, LOGINS, PID, all_said, authd, family, memory_of, parts, said, ticks_of  # noqa: E402

ABORTED = 100_000 if "long" in sys.argv[1:] else 4_000


@case("failures slow down their address and their login, right answers too, and lock nobody out")
def _():
    def run(client):
        taken = {}
        def timed(name, login, word, address, want):
            began = time.monotonic()
            equal(client.password(login, word, client=address).kind, want, name)
            taken[name] = time.monotonic() - began
        timed("before", "alice", "secret", "192.0.2.9", "Y")  # remembered from here on
        for _ in range(5):
            timed("last wrong", "nobody", "wrong", "192.0.2.9", "N")
        timed("right", "bob", "other", "192.0.2.9", "Y")
        timed("remembered", "bob", "other", "192.0.2.9", "Y")
        timed("other address", "spaced", " p a s s ", "192.0.2.10", "Y")
        return taken
    write_passwords(parts, LOGINS)  # nothing is remembered
    taken = as_asker(run)
    expect(0.75 <= taken["last wrong"] and taken["right"] >= 1.0, taken)
    last = [line for line in authd.log().splitlines() if "event=login " in line][-3:]
    equal(["slower=" in line for line in last], [True, False, False], last)


@case("an IPv6 network of 64 bits counts as one client, loopback and trusted ones not at all")
def _():
    parts.control("trustedclients", "198.51.100.0/24\n")
    tries = [(f"t{number}", "wrong", {"client": address % number}) for address in ("198.51.100.%d", "127.0.0.%d") for number in range(1, 9)]
    equal(all_said(tries), ["Nb"] * 16)

    def run(client):
        began = time.monotonic()
        for number in range(1, 7):
            equal(client.password(f"n{number}", "wrong", client=f"2001:db8::{number}").kind, "N")
        return time.monotonic() - began
    network = as_asker(run)
    log = authd.log()
    expect(network >= 6 * 0.5 + 0.25 + 0.5, network)
    contains(log, "client=2001:db8::6 how=password reason=password slower=500")
    expect(not re.search(r"client=(198\.51\.100|127)\.\S* how=\S* reason=\S* slower", log), "a trusted client was slowed")
    os.unlink("control/trustedclients")


@case("one address has two waiting at most, and the others wait their turn")
def _():
    write_passwords(parts, dict(LOGINS, **{f"slow{n}": entry(f"right{n}", salt("$6$", 150_000), scram=False) for n in range(12)}))
    cores = int(re.findall(r"event=start hashes-at-once=(\d+)", authd.log())[-1])
    tries = [(f"slow{n % 12}", "wrong", {"client": "203.0.113.1"}) for n in range(cores + 10)]
    tries += [("slow0", "right0", {"client": "203.0.113.2"})]
    got = all_said(tries)
    equal(got[-1], "Y")
    equal(got.count("Nl") >= 1 and got.count("Nb") >= cores, True, got)
    write_passwords(parts, LOGINS)


@case("what is no question ends the connection, and nothing else")
def _():
    context = AuthClient.context()
    wrong = [b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", 8193) + b"P", record(b"Z"), record(b"P"), record(b"P" + context), record(b"L" + netstring(b"c=biws,r=x,p=AAAA")),
             record(b"P" + context + netstring(b"alice") + netstring(b"a\0b")), record(b"P" + context + netstring(b"alice") + netstring(b"x") + b"0:,"),
             record(b"R" + netstring(b"pop3") + netstring(b"0" * 32)), b"GET / HTTP/1.0\r\n\r\n", os.urandom(9000)]
    def run(client):
        ends = []
        for one in wrong:
            with AuthClient() as other:
                try:
                    other.socket.sendall(one)
                    ends.append(other.socket.recv(1) == b"")
                except ConnectionError:
                    ends.append(True)
        return ends + [client.password("alice", "secret").kind == "Y"]
    equal(as_asker(run), [True] * (len(wrong) + 1))


@case("questions in pieces, and several in one piece, are answered in order")
def _():
    def run(client):
        for byte in AuthClient.password_record("alice", "secret"):
            client.socket.sendall(bytes([byte]))
        first = client.answer()
        client.socket.sendall(AuthClient.password_record("alice", "secret") + AuthClient.password_record("alice", "wrong") + AuthClient.password_record("bob", "other"))
        return [first, client.answer(), client.answer(), client.answer()]
    equal([answer[0] + answer[1] for answer in as_asker(run)], ["Yalice", "Yalice", "N", "Ybob"])


@case("a thousand silent connections keep nobody out")
def _():
    def run(client):
        crowd = [AuthClient() for _ in range(1010)]
        return [crowd[-1].password("alice", "secret").kind, len(crowd)]
    equal(as_asker(run, "pn-login"), ["Y", 1010])


def sizes():
    """(KiB of its own, of PSS, descriptors) of authd and of its children"""
    found = []
    for pid in family(PID):
        own = int(re.search(r"^RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])
        share = int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
        found.append((own, share, len(os.listdir(f"/proc/{pid}/fd"))))
    return found


@case(f"{ABORTED} tries that end in the middle leave nothing behind", seconds=1500)
def _():
    whole = AuthClient.password_record("nobody", "wrong")
    first = record(b"F" + AuthClient.context() + netstring(b"SCRAM-SHA-256") + netstring(b"n,,n=alice,r=abc"))
    def abort(numbers):
        for number in numbers:
            with AuthClient() as client:
                if number % 3 == 0:
                    client.socket.sendall(whole[: number % len(whole)])
                elif number % 3 == 1:
                    client.socket.sendall(first)
                    client.answer()
                else:
                    client.socket.sendall(whole)

    def run(count):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(abort, (range(first, count, 4) for first in range(4))))
        return 0
    for count in (1500, ABORTED):
        before, began = sizes(), time.monotonic()
        as_asker(lambda _: run(count))
        equal(said("alice", "secret"), "Y")
    after = sizes()
    print(f"  {(time.monotonic() - began) / ABORTED * 1000:.2f} ms each; (KiB of its own, of PSS, descriptors) of authd and its children: {before} before "
          f"{ABORTED} aborted tries, {after} afterwards", flush=True)
    equal(len(after), len(before), "processes")
    for number, ((own, _, files), (own_after, _, files_after)) in enumerate(zip(before, after)):
        most = own + 1024 if number == 0 else 20 << 10  # a child has what one hash takes, while it makes it
        expect(own_after <= most and files_after <= files + 3, f"{before} to {after}")


@case("a child that dies is replaced, and its question answered later")
def _():
    write_passwords(parts, dict(LOGINS, slow=entry("secret", salt("$6$", 1_000_000), scram=False)))
    children = family(PID)[1:]
    ticks = {child: ticks_of(child) for child in children}
    def run(client):
        client.send_password("slow", "secret")
        return client.answer()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(as_asker, run)
        busy = None
        deadline = time.monotonic() + 20
        while busy is None and time.monotonic() < deadline:  # the one that has used some time since
            busy = next((child for child in children if ticks_of(child) > ticks[child] + 10), None)  # no other takes so long
        expect(busy, "no child hashes")
        os.kill(busy, 9)
        answer = asked.result()
    equal(answer[0] + answer[4], "Nl")
    authd.wait_log(r"event=died child=%d signal=9" % busy)
    write_passwords(parts, LOGINS)
    equal(said("alice", "secret"), "Y")
    equal(len(family(PID)), len(children) + 1)


@case("no memory of authd or its children holds a password after the check")
def _():
    words = {"right": "Correct-Horse-Battery-Staple-1", "short": "Tr0ub4dor&3", "wrong": "Incorrect-Horse-Battery-Staple-2", "scram": "Scram-Horse-Battery-Staple-3"}
    write_passwords(parts, dict(LOGINS, secretive=words["right"], brief=words["short"], scrammer=words["scram"]))
    equal([said("secretive", words["right"]), said("secretive", words["right"]), said("secretive", words["wrong"]), said("brief", words["short"])],
          ["Y", "Y", "Nb", "Y"])
    equal(as_asker(lambda client: client.scram("scrammer", words["scram"]))[0], "Y")
    said("alice", "secret")
    for pid in family(PID):
        memory = memory_of(pid)
        expect(len(memory) > 100_000, f"{len(memory)} bytes of {pid}")
        for name, word in words.items():
            expect(word.encode() not in memory, f"the {name} password is in process {pid}")
        hashed = any(line.split(":")[1].encode() in memory for line in open("users/passwords") if line.startswith("secretive:"))
        expect(pid != PID or hashed, "authd's memory was not looked at")


@case("no password and no hash is in the log")
def _():
    log = authd.log()
    for word in ("Horse", "Tr0ub4dor", "$6$", "$y$", APP, "p\\x20a"):
        expect(word not in log, f"{word} is in the log")


finish()
