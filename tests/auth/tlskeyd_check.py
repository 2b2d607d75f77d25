#!/usr/bin/env python3
"""tlskeyd as a process of its own: who may ask, what it signs, keys that come and go, and what nonsense does"""
import atexit
import hashlib
import os
import pathlib
import pwd
import signal
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts, as_user, netstring, read_record, record, take_fields  # noqa: E402

if os.geteuid() != 0:
    @case("tlskeyd signs")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from tls_place import memory_of  # noqa: E402

ECDSA_SHA256, RSA_PSS_SHA256, RSA_PKCS1_SHA256 = 0x0403, 0x0804, 0x0401
TLS13 = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + b"h" * 32
TLS12 = b"r" * 64 + b"\x03\0\x1d\x20" + b"k" * 32

parts = Parts().__enter__()
atexit.register(parts.__exit__)
KEYS = pathlib.Path("tls/keys")
KEYS.mkdir(parents=True)
os.chown(KEYS, 0, pwd.getpwnam("pn-key").pw_gid)
KEYS.chmod(0o750)


def make_key(name, *kind):
    """A key in tls/keys, readable for pn-key; gives the SHA-256 of its public key."""
    new = KEYS / f".{name}.new"
    subprocess.run(["openssl", "genpkey", *kind, "-out", new], check=True, capture_output=True)
    os.chown(new, 0, pwd.getpwnam("pn-key").pw_gid)
    os.chmod(new, 0o640)
    new.rename(KEYS / f"{name}.pem")
    public = subprocess.run(["openssl", "pkey", "-in", KEYS / f"{name}.pem", "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    return hashlib.sha256(public).digest()


EC = make_key("ec", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = make_key("rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
SERVICE = parts.serve("tlskeyd", ["auth/tlskeyd"], user="pn-key")


def request(key, scheme, data):
    return record(b"K" + netstring(key) + netstring(struct.pack(">H", scheme)) + netstring(data))


def ask(stream, *what):
    stream.sendall(request(*what))
    letter, (text,) = take_fields(read_record(stream))
    return letter, text


def asked(function):
    """function(stream), as tlsd's user"""
    def run():
        with parts.connect("tlskeyd") as stream:
            function(stream)
    as_user("pn-tls")(run)


def verify(name, data, signature, *options):
    path = pathlib.Path(parts.path)
    (path / "data").write_bytes(data)
    (path / "signature").write_bytes(signature)
    subprocess.run(["openssl", "pkey", "-in", KEYS / f"{name}.pem", "-pubout", "-out", path / "public"], check=True)
    done = subprocess.run(["openssl", "dgst", "-sha256", *options, "-verify", path / "public", "-signature", path / "signature", path / "data"],
                          capture_output=True, text=True, check=False)
    contains(done.stdout, "Verified OK")


def reload():
    count = SERVICE.log().count("event=keys ")
    SERVICE.process.send_signal(signal.SIGHUP)
    SERVICE.wait_log("event=keys ", count=count + 1)


@case("it signs both versions' handshakes, with the key that is named; openssl verifies them")
def _():
    found = {}

    def questions(stream):
        for what in ((EC, ECDSA_SHA256, TLS13), (RSA, RSA_PSS_SHA256, TLS13), (RSA, RSA_PKCS1_SHA256, TLS12)):
            letter, text = ask(stream, *what)
            equal(letter, b"S", text)
            print("signature", what[1], text.hex(), flush=True)

    reader, writer = os.pipe()
    saved = os.dup(1)
    os.dup2(writer, 1)
    os.close(writer)
    try:
        asked(questions)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    with os.fdopen(reader) as lines:
        for line in lines:
            _, scheme, text = line.split()
            found[int(scheme)] = bytes.fromhex(text)
    verify("ec", TLS13, found[ECDSA_SHA256])
    verify("rsa", TLS13, found[RSA_PSS_SHA256], "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
    verify("rsa", TLS12, found[RSA_PKCS1_SHA256])


REFUSED = {
    "no key of that name": (b"n" * 32, ECDSA_SHA256, TLS13),
    "a scheme of another kind of key": (EC, RSA_PSS_SHA256, TLS13),
}
for name, what in REFUSED.items():
    @case(f"not signed: {name}; the connection goes on")
    def _():
        def questions(stream):
            letter, text = ask(stream, *what)
            equal(letter, b"N", text)
            equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S")
        asked(questions)

NONSENSE = {
    "a letter that is none": record(b"X"),
    "an empty record": struct.pack(">I", 0),
    "a record that is too long": struct.pack(">I", 321),
    "a length of 4 GiB": b"\xff" * 4,
    "SHA-1": request(RSA, 0x0201, TLS12),
    "RSA without padding, if there were one": request(RSA, 0, TLS12),
    "PKCS #1 in TLS 1.3": request(RSA, RSA_PKCS1_SHA256, TLS13),
    "a text": request(RSA, RSA_PSS_SHA256, b"I owe you a thousand"),
    "a bare digest": request(EC, ECDSA_SHA256, b"d" * 32),
    "a client's CertificateVerify": request(EC, ECDSA_SHA256, TLS13.replace(b"server", b"client")),
    "a handshake and a byte more": request(EC, ECDSA_SHA256, TLS12 + b"x"),
    "nothing to sign": request(EC, ECDSA_SHA256, b""),
    "more behind the question": request(EC, ECDSA_SHA256, TLS13) + request(EC, ECDSA_SHA256, TLS13),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}
for name, sent in NONSENSE.items():
    @case(f"{name}: the connection ends without a signature, another one is served")
    def _():
        def talk(stream):
            stream.sendall(sent)
            try:
                equal(stream.recv(4096), b"")
            except ConnectionResetError:
                pass
        asked(talk)
        asked(lambda stream: equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S"))


@case("a connection is one handshake's: the fifth question ends it")
def _():
    def talk(stream):
        for _ in range(4):
            equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S")
        stream.sendall(request(EC, ECDSA_SHA256, TLS13))
        equal(stream.recv(100), b"")
    asked(talk)

for user in ("pn-smtp", "pn-auth", "pn-tlsc", "nobody"):
    @case(f"{user} is closed without an answer")
    def _():
        def talk():
            with parts.connect("tlskeyd") as stream:
                try:
                    stream.sendall(request(EC, ECDSA_SHA256, TLS13))
                    equal(stream.recv(100), b"")
                except (BrokenPipeError, ConnectionResetError):
                    pass
        as_user(user)(talk)


@case("900 connections that say nothing, and it answers the next one")
def _():
    def crowd():
        idle = []
        for _ in range(900):
            idle.append(socket.socket(socket.AF_UNIX))  # without a time-out: it waits for its place in the backlog
            idle[-1].connect("run/tlskeyd/s")
        with parts.connect("tlskeyd") as stream:
            equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S")
    as_user("pn-tls")(crowd)


@case("HUP: a new key signs at once, and one that was taken away still does for handshakes under way")
def _():
    new = make_key("new", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    asked(lambda stream: equal(ask(stream, new, 0x0503, TLS13)[0], b"N"))
    (KEYS / "ec.pem").rename(KEYS / "ec.away")
    reload()
    asked(lambda stream: equal(ask(stream, new, 0x0503, TLS13)[0], b"S"))
    asked(lambda stream: equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S"))
    (KEYS / "ec.away").rename(KEYS / "ec.pem")
    reload()


UNUSABLE = {
    "no key": lambda path: path.write_text("no key\n"),
    "others may read it": lambda path: (path.write_bytes((KEYS / "ec.pem").read_bytes()), path.chmod(0o644)),
    "tlskeyd may not": lambda path: (path.write_bytes((KEYS / "rsa.pem").read_bytes()), path.chmod(0o600)),
    "a directory": lambda path: path.mkdir(),
    "a password": lambda path: subprocess.run(["openssl", "pkey", "-in", KEYS / "ec.pem", "-aes128", "-passout", "pass:word", "-out", path], check=True),
    "1024 bits": lambda path: make_key(path.stem, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "another curve": lambda path: make_key(path.stem, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
    "Ed25519": lambda path: make_key(path.stem, "-algorithm", "ED25519"),
}


@case("key files that cannot be used are named in the log, and the others count: " + ", ".join(UNUSABLE))
def _():
    paths = [KEYS / f"bad{number}.pem" for number in range(len(UNUSABLE))]
    for path, make in zip(paths, UNUSABLE.values(), strict=True):
        make(path)
        if path.is_file() and path.stat().st_mode & 0o777 not in (0o644, 0o600):
            os.chown(path, 0, pwd.getpwnam("pn-key").pw_gid)
    reload()
    for path in paths:
        contains(SERVICE.log(), f"file={path.name} error=")
    asked(lambda stream: equal(ask(stream, RSA, RSA_PSS_SHA256, TLS13)[0], b"S"))
    for path in paths:
        path.rmdir() if path.is_dir() else path.unlink()


@case("a key whose file cannot be read for a while goes on signing")
def _():
    path, gid = KEYS / "ec.pem", (KEYS / "ec.pem").stat().st_gid
    os.chown(path, 0, 0)
    reload()
    contains(SERVICE.log(), "file=ec.pem error=")
    asked(lambda stream: equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S"))
    os.chown(path, 0, gid)
    reload()


@case("tls/keys that cannot be read: the keys from before sign on")
def _():
    KEYS.chmod(0o000)
    try:
        count = SERVICE.log().count("event=keys ")
        SERVICE.process.send_signal(signal.SIGHUP)
        SERVICE.wait_log("event=keys ", count=count + 1)
        asked(lambda stream: equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"S"))
    finally:
        KEYS.chmod(0o750)


@case("after 65 s a key that was taken away signs no more, and its bytes are nowhere in memory")
def _():
    if sys.argv[1:] != ["long"]:
        skip("takes 65 s: tlskeyd_check.py long")
    pem = subprocess.run(["openssl", "pkey", "-in", KEYS / "ec.pem", "-text", "-noout"], check=True, capture_output=True, text=True).stdout
    private = bytes.fromhex("".join(pem.partition("priv:")[2].partition("pub:")[0].split()).replace(":", ""))[-32:]
    forms = {"big-endian": private, "little-endian": private[::-1], "PEM": (KEYS / "ec.pem").read_bytes()[40:80]}
    expect(forms["little-endian"] in memory_of(SERVICE.process.pid), "the key was not found where it must be")
    (KEYS / "ec.pem").unlink()
    reload()
    SERVICE.wait_log("event=wiped number=1", 80)
    asked(lambda stream: equal(ask(stream, EC, ECDSA_SHA256, TLS13)[0], b"N"))
    memory = memory_of(SERVICE.process.pid)
    for form, content in forms.items():
        expect(content not in memory, f"the key is still there, {form}")


@case("it ends when it is told to")
def _():
    equal(SERVICE.stop(), 0)
    expect("PRIVATE" not in SERVICE.log(), "a key in the log")


finish()
