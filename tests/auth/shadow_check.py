#!/usr/bin/env python3
"""shadow-spawn and shadow-check: passwords of this system's users, in a mount name space with an /etc of its own"""
import atexit
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from check import case, equal, expect, finish, skip  # noqa: E402
from checking import ask, question  # noqa: E402
from own_etc import add_users, own_etc  # noqa: E402
from parts import Parts, as_user, ensure_users  # noqa: E402

if os.geteuid() != 0:
    @case("passwords of system users")
    def _():
        skip("NOT SHOWN: takes root")
    finish()
ensure_users()
if not own_etc():
    @case("passwords of system users")
    def _():
        skip("NOT SHOWN: this machine makes no mount name space")
    finish()

import crypt  # noqa: E402  pylint: disable=deprecated-module,wrong-import-position

PASSWORD = "correct horse \u00e4"
YESCRYPT = crypt.crypt(PASSWORD, "$y$j9T$abcdefghijklmnop")
SHA512 = crypt.crypt(PASSWORD, "$6$abcdefgh")
TODAY = int(time.time() // 86400)
USERS = {  # name: (uid, the rest of the line of /etc/shadow, is right)
    "sys-yes": (4101, f"{YESCRYPT}:19000:0:99999:7:::", True),
    "sys-sha": (4102, f"{SHA512}:19000:0:99999:7:::", True),
    "sys-plain": (4103, f"{YESCRYPT}:::::::", True),
    "sys-minus": (4104, f"{YESCRYPT}:{TODAY}:-1:-1:-1:-1:-1:", True),
    "sys-young": (4105, f"{YESCRYPT}:{TODAY - 10}:0:10:7:::", True),
    "sys-later": (4106, f"{YESCRYPT}:{TODAY - 10}:0:9:7:5::", True),
    "sys-goes-on": (4107, f"{YESCRYPT}:19000:0:99999:7::{TODAY + 2}:", True),
    "sys-locked": (4108, f"!{YESCRYPT}:19000:0:99999:7:::", False),
    "sys-star": (4109, "*:19000:0:99999:7:::", False),
    "sys-empty": (4110, ":19000:0:99999:7:::", False),
    "sys-old": (4111, f"{YESCRYPT}:{TODAY - 10}:0:5:7:1::", False),
    "sys-gone": (4112, f"{YESCRYPT}:19000:0:99999:7::{TODAY - 1}:", False),
    "sys-first": (4113, f"{YESCRYPT}:0:0:99999:7:::", False),
}
add_users({name: (uid, rest) for name, (uid, rest, _) in USERS.items()})
with open("/etc/passwd", "a") as passwd, open("/etc/shadow", "a") as shadow:
    passwd.write("sys-broken:x:4190:4190::/nonexistent:/bin/false\nsys-no-shadow:x:4191:4191::/:/bin/false\nsys-root:x:0:0::/:/bin/false\n")
    shadow.write(f"sys-broken:{YESCRYPT}:1:2\nsys-root:{YESCRYPT}:::::::\n")
    passwd.write("sys-odd:x:4193:4193::/:/bin/false\n")
    shadow.write("sys-odd:NOPASSWORD:::::::\n")
    passwd.write("sys-huge:x:4192:4192::/:/bin/false\n")
    shadow.write(f"sys-huge:$y$jDT$abcdefghijklmnop${'a' * 43}:::::::\n")  # 256 MiB

parts = Parts().__enter__()
atexit.register(parts.__exit__)
SERVICE = parts.serve("shadow-spawn", ["auth/shadow-spawn", parts.program("auth/shadow-check")], user="pn-shadow", groups=("shadow",))


def asked(function):
    def run():
        with parts.connect("shadow-spawn") as stream:
            function(stream)
    as_user("pn-auth")(run)


def check_alone(given, *words):
    """shadow-check by itself, as pn-shadow in group shadow; its exit code"""
    reader, writer = os.pipe()
    os.write(writer, given)
    os.close(writer)
    become = ["setpriv", "--reuid=pn-shadow", "--regid=pn-shadow", "--groups=shadow", "sh", "-c", f'exec 3<&{reader}; exec "$@"', "sh"]
    try:
        return subprocess.run([*become, os.path.join(parts.bin, "shadow-check"), *words], pass_fds=[reader], check=False, capture_output=True, timeout=60).returncode
    finally:
        os.close(reader)


@case("right and wrong passwords of users whose password counts, and of those whose does not")
def _():
    def run(stream):
        for name, (uid, _, is_right) in USERS.items():
            equal(ask(stream, name.encode(), PASSWORD.encode(), uid=uid).kind, "Y" if is_right else "N", name)
            equal(ask(stream, name.encode(), b"wrong", uid=uid).kind, "N", name)
            equal(ask(stream, name.encode(), b"", uid=uid).kind, "N", name)
    asked(run)


@case("a mailbox of another uid, root's line, and names that are not there are wrong")
def _():
    def run(stream):
        equal([ask(stream, login, PASSWORD.encode(), uid=uid).kind for login, uid in
               ((b"sys-yes", 4102), (b"sys-yes", 1_900_000_000), (b"sys-root", 1), (b"sys-no-shadow", 4191), (b"sys-nobody", 4101), (b"sys-ye", 4101),
                (b"sys-yes:x", 4101), (b"", 4101), (b"../sys-yes", 4101), (b"sys-yes\n", 4101))], ["N"] * 10)
    asked(run)


@case("a line of /etc/shadow that is none is trouble, and said")
def _():
    asked(lambda stream: equal(ask(stream, b"sys-broken", PASSWORD.encode(), uid=4190).kind, "T"))
    SERVICE.wait_log(r"^shadow-check: .*not as many fields")
    SERVICE.wait_log(r"event=checker-failed program=\S*shadow-check exit=100")


@case("a hash that takes more memory than there is does not make a password wrong: nobody can say now")
def _():
    asked(lambda stream: equal(ask(stream, b"sys-huge", PASSWORD.encode(), uid=4192).kind, "T"))
    asked(lambda stream: equal(ask(stream, b"sys-odd", PASSWORD.encode(), uid=4193).kind, "N", "what no password makes"))
    SERVICE.wait_log(r"^shadow-check: .*make a hash.*sys-huge")


@case("shadow-check by itself keeps to checkpassword's interface")
def _():
    good = b"sys-yes\0" + PASSWORD.encode() + b"\0001700000000\0"
    equal(check_alone(good, "4101"), 0)
    equal(check_alone(good.replace(b"correct", b"Correct"), "4101"), 1)
    equal(check_alone(good, "4102"), 1)
    for words in ((), ("0",), ("x",), ("4101", "more"), ("-1",)):
        equal(check_alone(good, *words), 100, words)
    for given in (b"", b"sys-yes", b"sys-yes\0" + PASSWORD.encode(), good[:-1], b"sys-yes\0" + b"x" * 600 + b"\0001\0"):
        equal(check_alone(given, "4101"), 2, given[:20])


@case("no password and no hash is in the log, nor in shadow-spawn's memory afterwards")
def _():
    log = open(SERVICE.log_path, "rb").read()
    for secret in (PASSWORD.encode(), YESCRYPT.encode(), SHA512.encode(), YESCRYPT.rsplit("$", 1)[1].encode()):
        expect(secret not in log, "in the log")
        with open(f"/proc/{SERVICE.process.pid}/maps") as maps, open(f"/proc/{SERVICE.process.pid}/mem", "rb") as memory:
            for line in maps:
                start, end = (int(number, 16) for number in line.split()[0].split("-"))
                if "[v" not in line:
                    memory.seek(start)
                    expect(secret not in memory.read(end - start), f"in {line}")


@case("others than authd are not answered")
def _():
    def run():
        with parts.connect("shadow-spawn") as stream:
            try:
                stream.sendall(question(b"sys-yes", PASSWORD.encode(), uid=4101))
                equal(stream.recv(10), b"")
            except ConnectionError:
                pass
    for user in ("pn-shadow", "pn-check", "pn-login", "nobody", 0):
        as_user(user)(run)


@case("told to stop it leaves")
def _():
    equal(SERVICE.stop(signal.SIGTERM), 0)


finish()
