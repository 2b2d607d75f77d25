#!/usr/bin/env python3
"""cert: what it installs, what it refuses, how it lists"""
import atexit
import grp
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/auth")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import Parts  # noqa: E402

if os.geteuid() != 0:
    @case("cert installs certificates")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from tls_place import Authority, TlsPlace, new_key, openssl  # noqa: E402

parts = Parts().__enter__()
atexit.register(parts.__exit__)
place = TlsPlace(parts, with_certificates=False)
os.mkdir("new")


def cert(*words, exit_code=0):
    done = subprocess.run([ROOT / "tools/cert", "--dir", parts.path, *words], capture_output=True, text=True, check=False)
    equal(done.returncode, exit_code, done.stderr)
    return done.stdout if exit_code == 0 else done.stderr


def make(name, hosts=("mail.example",), days=30, kind="ec", authority=place.authority):
    new_key(f"new/{name}.key", kind)
    authority.sign(f"new/{name}.key", f"new/{name}.pem", list(hosts), days)
    return f"new/{name}.pem", f"new/{name}.key"


def chain(name, *files):
    pathlib.Path(f"new/{name}").write_text("".join(pathlib.Path(file).read_text() for file in files))
    return f"new/{name}"


certificate, key = make("good", ("mail.example", "*.mail.example"))
other = Authority("new", "other")


@case("a chain and its key are installed: owners, modes, contents, and nothing besides")
def _():
    whole = chain("whole", certificate, place.cafile)
    equal(cert("install", "mail", whole, key), "")
    equal(pathlib.Path("tls/certs/mail.pem").read_text(), pathlib.Path(whole).read_text())
    equal(pathlib.Path("tls/keys/mail.pem").read_text(), pathlib.Path(key).read_text())
    status = os.stat("tls/keys/mail.pem")
    equal((status.st_mode & 0o7777, status.st_uid, grp.getgrgid(status.st_gid).gr_name), (0o640, 0, "pn-key"))
    equal(os.stat("tls/certs/mail.pem").st_mode & 0o7777, 0o644)
    equal((os.listdir("tls/certs"), os.listdir("tls/keys")), (["mail.pem"], ["mail.pem"]))


WRONG = {
    "another's key": (lambda: (certificate, make("second")[1]), "is not the key"),
    "the authority first": (lambda: (chain("reversed", place.cafile, certificate), key), "is not the key"),
    "a chain with a stranger": (lambda: (chain("strange", certificate, other.pem), key), "does not certify"),
    "a chain in the wrong order": (lambda: (chain("order", certificate, other.pem, place.cafile), key), "does not certify"),
    "an expired certificate": (lambda: make("past", days=-1), "expired"),
    "a certificate for no host": (lambda: make("nobody", ()), "no host"),
    "no certificate": (lambda: (key, key), "no certificate"),
    "no key": (lambda: (certificate, certificate), "not a private key"),
    "no file": (lambda: ("new/nowhere", key), "cannot be read"),
}
for name, (files, why) in WRONG.items():
    @case(f"refused, and what was there stays: {name}")
    def _():
        before = pathlib.Path("tls/certs/mail.pem").read_bytes()
        contains(cert("install", "mail", *files(), exit_code=100), why)
        equal(pathlib.Path("tls/certs/mail.pem").read_bytes(), before)
        equal(len(os.listdir("tls/certs")) + len(os.listdir("tls/keys")), 2)


@case("a key with a password is refused, and nobody is asked for it")
def _():
    openssl("pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", "new/locked.key")
    contains(cert("install", "mail", certificate, "new/locked.key", exit_code=100), "not a private key")


@case("names that are paths are refused")
def _():
    for name in ("../x", "a/b", "", ".hidden", "-x", "a b"):
        contains(cert("install", name, certificate, key, exit_code=100), "a name has")
        contains(cert("remove", name, exit_code=100), "a name has")


@case("list: a line each, and JSON")
def _():
    cert("install", "rsa", *make("rsa", ("rsa.example",), kind="rsa"))
    lines = cert("list").splitlines()
    equal([line.split("\t")[:2] for line in lines], [["mail", "ECDSA"], ["rsa", "RSA"]])
    found = json.loads(cert("list", "--json"))
    equal([(entry["name"], entry["kind"], entry["hosts"]) for entry in found], [("mail", "ECDSA", ["mail.example", "*.mail.example"]), ("rsa", "RSA", ["rsa.example"])])
    expect(all(entry["days"] in (29, 30) for entry in found), found)


@case("self-signed: tlsd shows it, also after another one of the same name")
def _():
    cert("remove", "mail")
    cert("remove", "rsa")
    equal(json.loads(cert("list", "--json")), [])
    cert("self-signed", "own", parts.me)
    place.start_server()
    for _ in range(2):
        facts, _ = place.s_client("-servername", parts.me, "-CAfile", "tls/certs/own.pem", "-verify_return_error", "-verify_hostname", parts.me)
        equal(facts["server_name"], parts.me)
        cert("self-signed", "own", parts.me)
        place.hang_up()


@case("remove takes both files; what is not there is said")
def _():
    cert("remove", "own")
    equal((os.listdir("tls/certs"), os.listdir("tls/keys")), ([], []))
    contains(cert("remove", "own", exit_code=100), "no such certificate")


finish()
