#!/usr/bin/env python3
"""dnsq as a person or a script uses it: what it prints, its exit codes, and what strangers' bytes do to a terminal (nothing); and a dnsqd that
is away, restarts or dies while it waits"""
import atexit
import json
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "e2e")]
from asking import start_dnsqd  # noqa: E402
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from hostile import ZONE, HostileServer, good, labels, message, mx, one, rr, txt  # noqa: E402
from parts import Parts  # noqa: E402
from zone import ZoneServer, free_port, is_there  # noqa: E402

if os.geteuid() != 0 or not is_there():
    @case("dnsq")
    def _():
        skip("NOT SHOWN: takes root and the packages nsd and ldnsutils")
    finish()

ROOT = {".": """
example.org.            MX 10 mx1.example.org.
example.org.            MX 20 mx2.example.org.
example.org.            TXT "v=spf1 -all"
mx1.example.org.        A 192.0.2.1
mx1.example.org.        AAAA 2001:db8::1
www.example.org.        CNAME mx1.example.org.
_25._tcp.mx1.example.org. TLSA 3 1 1 AABB
4.3.2.1.in-addr.arpa.   PTR mx1.example.org.
evil.example.           NS ns.evil.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.2.ip6.arpa. PTR mx1.example.org.
""", "broken.org": "@ A 192.0.2.9\n"}
WAITING = []


def wait_for_ask(query):
    """Answers once somebody says so: the query is kept."""
    WAITING.append(query)
    return []


WILD = {
    "wild": one(txt(b"\x1b[2J\x07\"\\\r\n\xff\xc2\x9b2J")),
    "wild-mx": one(mx(labels(b"mx", b"evil", b"example")), mx(labels(b"$(id)", b"x"))),
    "wild-cname": one(rr(5, labels(b"\x1b]0;title\x07", b"x"))),
    "late": wait_for_ask,
    "sound": good,
    "no-answer": lambda query: message(query, rcode=2),
}
PARTS = Parts().__enter__()
atexit.register(PARTS.__exit__)
ZONES = ZoneServer(ROOT, {".": "good", "broken.org": "broken"}).__enter__()
atexit.register(ZONES.__exit__)
HOSTILE = HostileServer(free_port(), WILD)
SETTINGS = {"dnsforward": ZONES.server + "\n", "dnsstub": f"{ZONE} {HOSTILE.server}\n", "dnsanchor": "anchor\n", "anchor": pathlib.Path(ZONES.anchor).read_text()}
DNSQ = PARTS.program("dnsq/dnsq")
dnsqd = start_dnsqd(PARTS, **SETTINGS)


def command(*words, directory=True):
    return [DNSQ, *(["--dir", PARTS.path] if directory else []), *words]


def run(*words, directory=True, environment=None):
    done = subprocess.run(command(*words, directory=directory), capture_output=True, text=True, cwd="/", env=environment or {}, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


# Words, exit code, the first line, records.
CASES = [
    ("mx example.org", 0, "example.org mx: found, validated, good for 300 s", ["10 mx1.example.org", "20 mx2.example.org"]),
    ("MX Example.ORG.", 0, "example.org mx: found, validated, good for 300 s", ["10 mx1.example.org", "20 mx2.example.org"]),
    ("a mx1.example.org", 0, "mx1.example.org a: found, validated, good for 300 s", ["192.0.2.1"]),
    ("aaaa mx1.example.org", 0, "mx1.example.org aaaa: found, validated, good for 300 s", ["2001:db8::1"]),
    ("a www.example.org", 0, "www.example.org a: found, validated, good for 300 s, by its name mx1.example.org", ["192.0.2.1"]),
    ("cname www.example.org", 0, "www.example.org cname: found, validated, good for 300 s", ["mx1.example.org"]),
    ("txt example.org", 0, "example.org txt: found, validated, good for 300 s", ['"v=spf1 -all"']),
    ("tlsa _25._tcp.mx1.example.org", 0, "_25._tcp.mx1.example.org tlsa: found, validated, good for 300 s", ["3 1 1 aabb"]),
    ("ptr 1.2.3.4", 0, "4.3.2.1.in-addr.arpa ptr: found, validated, good for 300 s", ["mx1.example.org"]),
    ("ptr 4.3.2.1.in-addr.arpa", 0, "4.3.2.1.in-addr.arpa ptr: found, validated, good for 300 s", ["mx1.example.org"]),
    ("ptr 2a00::1", 0, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.2.ip6.arpa ptr: found, validated, good for 300 s", ["mx1.example.org"]),
    ("a nowhere.example.org", 1, "nowhere.example.org a: no such name, validated, good for 60 s", []),
    ("txt mx1.example.org", 1, "mx1.example.org txt: no such data, validated, good for 60 s", []),
]
for words, code, first, records in CASES:
    @case(f"dnsq {words}: exit {code}")
    def _():
        got, output, errors = run(*words.split())
        equal((got, errors), (code, ""))
        lines = output.splitlines()
        equal(lines[0].replace("good for 299", "good for 300").replace("good for 59", "good for 60"), first)
        equal(sorted(line.strip() for line in lines[1:]), records)


@case("a bogus answer is exit 111, and says what is wrong")
def _():
    code, output, _ = run("a", "broken.org")
    equal(code, 111)
    contains(output, "broken.org a: bogus: ")
    contains(output, "signature")


@case("no answer is exit 111")
def _():
    code, output, _ = run("a", f"no-answer.{ZONE}")
    equal((code, output.split(":")[1].strip()), (111, "failed"))


WRONG = [[], ["mx"], ["mx", "a", "b"], ["soa", "example.org"], ["mx", ""], ["mx", "a..b"], ["mx", "a b"], ["mx", "b\u00fccher.example"], ["mx", "x" * 300],
         ["a", "\x1b[2J"], ["--json"], ["--colour", "a", "b"]]
for words in WRONG:
    @case(f"wrong words are exit 100, in one line: {words!a}")
    def _():
        code, output, errors = run(*words)
        equal((code, output, errors.count("\n")), (100, "", 1))
        expect(errors.startswith("dnsq: ") and "\x1b" not in errors, repr(errors))


@case("a directory that is not there, or has no dnsqd, is said")
def _():
    code, _, errors = run("a", "x", directory=False, environment={"POSTERN_DIR": "/nowhere"})
    equal(code, 100)
    contains(errors, "/nowhere")
    code, _, errors = run("a", "x", directory=False, environment={"POSTERN_DIR": "/"})
    equal(code, 111)
    contains(errors, "is dnsqd running")
    equal(run("a", "mx1.example.org", directory=False, environment={"POSTERN_DIR": PARTS.path})[0], 0)


@case("--json says all of it")
def _():
    code, output, _ = run("--json", "mx", "example.org")
    answer = json.loads(output)
    answer["records"].sort(key=lambda record: record["preference"])
    expect(290 <= answer.pop("ttl") <= 300, output)
    equal((code, answer), (0, {"name": "example.org", "type": "mx", "status": "found", "validated": True, "canonical": "example.org", "why": "", "left_out": 0,
                               "records": [{"preference": 10, "host": "mx1.example.org"}, {"preference": 20, "host": "mx2.example.org"}]}))
    code, output, _ = run("tlsa", "_25._tcp.mx1.example.org", "--json")
    equal(json.loads(output)["records"], [{"usage": 3, "selector": 1, "matching": 1, "data": "aabb"}])
    equal(json.loads(run("--json", "a", "nowhere.example.org")[1])["status"], "no such name")
    equal(json.loads(run("--json", "a", "broken.org")[1])["status"], "bogus")


@case("strangers' bytes steer no terminal")
def _():
    for words in (["txt", f"wild.{ZONE}"], ["mx", f"wild-mx.{ZONE}"], ["cname", f"wild-cname.{ZONE}"]):
        for more in ([], ["--json"]):
            code, output, _ = run(*words, *more)
            equal(code, 0)
            wrong = [character for character in output if character != "\n" and not " " <= character <= "~" and character != "\u00ff"]
            equal(wrong, [], output)
    contains(run("txt", f"wild.{ZONE}")[1], r'"\x1b[2J\x07\x22\x5c\x0d\x0a\xff\xc2\x9b2J"')
    contains(run("mx", f"wild-mx.{ZONE}")[1], ", without 1 that cannot be used\n  10 mx.evil.example\n")
    contains(run("cname", f"wild-cname.{ZONE}")[1], r"  \027]0;title\007.x")
    equal(json.loads(run("--json", "txt", f"wild.{ZONE}")[1])["records"], ["\x1b[2J\x07\"\\\r\n\u00ff\u00c2\u009b2J"])


def answer_late_ones():
    while WAITING:
        query = WAITING.pop()
        query.reply(good(query))


def asked_late():
    """dnsq with a question that dnsqd has asked its server, and that waits there."""
    WAITING.clear()
    process = subprocess.Popen(command("a", f"late.{ZONE}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", env={})
    while not WAITING:
        run("a", f"sound.{ZONE}")  # until then
    return process


@case("a dnsqd that is killed while somebody waits: the next one answers")
def _():
    global dnsqd
    asker = asked_late()
    dnsqd.stop(signal.SIGKILL)
    WAITING.clear()
    dnsqd = PARTS.serve("dnsqd", ["dnsq/dnsqd"], user="pn-dns", listener=dnsqd.listener)
    while asker.poll() is None:
        run("a", f"sound.{ZONE}")
        answer_late_ones()
    equal((asker.returncode, asker.stdout.read()), (0, f"late.{ZONE} a: found, not validated, good for 300 s\n  192.0.2.1\n"))


@case("who asks while no dnsqd runs, and its socket is kept, is answered when there is one")
def _():
    global dnsqd
    listener = dnsqd.listener
    equal(dnsqd.stop(), 0)
    asker = subprocess.Popen(command("a", "mx1.example.org"), stdout=subprocess.PIPE, text=True, cwd="/", env={})
    dnsqd = PARTS.serve("dnsqd", ["dnsq/dnsqd"], user="pn-dns", listener=listener)
    equal(asker.wait(30), 0)
    contains(asker.stdout.read(), "192.0.2.1")


@case("a dnsqd that ends every connection is given up, as trouble that passes")
def _():
    equal(dnsqd.stop(), 0)
    listener = dnsqd.listener
    listener.settimeout(30)
    asker = subprocess.Popen(command("a", "mx1.example.org"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", env={})
    for _ in range(4):
        listener.accept()[0].close()
    equal(asker.wait(30), 111)
    contains(asker.stderr.read(), "dnsqd")


@case("a dnsqd that speaks nonsense is given up, as trouble that passes")
def _():
    listener = dnsqd.listener
    listener.settimeout(30)
    asker = subprocess.Popen(command("a", "mx1.example.org"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", env={})
    for text in (b"\0\0\0\0", b"\0\0\0\5hello", b"\xff\xff\xff\xff", b"\0\0\0\7A1:1,1:"):
        stream = listener.accept()[0]
        stream.settimeout(30)
        stream.recv(1000)
        stream.sendall(text)
        while stream.recv(1000):
            pass
        stream.close()
    equal(asker.wait(30), 111)
    contains(asker.stderr.read(), "dnsqd")


finish()
