#!/usr/bin/env python3
"""checkers_check - logins whose passwords Postern does not hold, through a whole instance: programs with checkpassword's interface, and the
system's users by shadow-check; by POP3 and submission, right and wrong, and each way in which such a program can fail

The instance has an /etc of its own, where a user of the system was added. Every checker is a script of the test's.
"""
import os
import pathlib
import poplib
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "auth")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from parts import ensure_users  # noqa: E402

if os.geteuid() != 0:
    @case("logins by checkers")
    def _():
        skip("NOT SHOWN: takes root")
    finish()
ensure_users()
from auth_place import crypt, salt  # noqa: E402
from checking import processes_with  # noqa: E402
from own_etc import add_users, name_this_host, own_etc  # noqa: E402
from postern import Instance  # noqa: E402
from tls_peer import Peer  # noqa: E402

HAS_ETC = own_etc()
name_this_host(HAS_ETC)
RIGHT = "right pass \t \u00e4 \\ \" $(id) `id` ' %s"  # says nothing to any program between
SYSTEM_PASSWORD = "system's own"
SYSTEM_USER, SYSTEM_UID = f"t{secrets.token_hex(4)}", 61_000 + os.getpid() % 4_000
KNOWS_CAROL = """#!/usr/bin/python3 -I
import os, sys
login, password, time = os.fdopen(3, "rb").read().split(b"\\0")[:3]
if password.decode() != sys.argv[1].encode().decode("unicode_escape"):
    sys.exit(1)
os.environ["USER"] = "carol" if login in (b"carol", b"chef@club.example") else "nobody-here"
os.execv(sys.argv[2], sys.argv[2:])
"""
ENDS_AS_TOLD = """#!/usr/bin/python3 -I
import os, sys, time
word = os.fdopen(3, "rb").read().split(b"\\0")[1].decode()
if word.startswith("exit "):
    os._exit(int(word[5:]))
if word == "signal":
    os.kill(os.getpid(), 9)
if word == "prints":
    os.write(1, b"USER=alice\\n")
    os._exit(0)
if word == "hangs":
    os.execv("/bin/sleep", ["sleep", sys.argv[1]])
os._exit(1)
"""
FOLDER = tempfile.mkdtemp(prefix="postern-checkers-")
os.chmod(FOLDER, 0o755)
NAPS = str(86_400 + os.getpid())  # by which its process is known


def script(name, text):
    path = pathlib.Path(FOLDER, name)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


ESCAPED = RIGHT.encode("unicode_escape").decode().replace(" ", "\\x20")
CAROL, ENDER = script("knows-carol", KNOWS_CAROL), script("ends-as-told", ENDS_AS_TOLD)
CHECKERS = [f"@club.example {CAROL} {ESCAPED}", f"* {CAROL} {ESCAPED}", f"@ender.example {ENDER} {NAPS}", "@missing.example /nonexistent/checker", "@ shadow"]
if HAS_ETC:
    add_users({SYSTEM_USER: (SYSTEM_UID, crypt(SYSTEM_PASSWORD, salt("$y$", 1)) + ":::::::")}, f"{FOLDER}/home/{SYSTEM_USER}")

with Instance(users=("alice",), domains=("here.example",), settings={"checkers": CHECKERS}) as mail:
    context = ssl.create_default_context(cafile=mail.env["CAFILE"])
    context.check_hostname = False

    def add(name, *more):
        done = mail.run("user", "add", name, *more)
        equal(done.returncode, 0, done.stderr)

    def pop3(user, password):
        """"" or the refusal; the session with it."""
        pop = poplib.POP3("localhost", int(mail.env["POP3_PORT"]), timeout=60)
        pop.encoding = "utf-8"
        pop.stls(context)
        pop.user(user)
        try:
            pop.pass_(password)
        except poplib.error_proto as error:
            pop.close()
            return error.args[0].decode(), None
        return "", pop

    def submission(user, password):
        """The reply's code to AUTH, and the session."""
        peer = Peer(mail, "submission")
        return peer.enter(user, password), peer

    for mailbox in ("carol", "chef@club.example", "x@ender.example", "y@missing.example"):
        add(mailbox)

    held = {}

    def hang():
        began = time.monotonic()
        held["said"], _ = pop3("x@ender.example", "hangs")
        held["seconds"] = time.monotonic() - began

    hanging = threading.Thread(target=hang, daemon=True)
    hanging.start()

    @case("a checker's right password opens the mailbox by POP3, and a wrong one does not")
    def _():
        refusal, pop = pop3("carol", RIGHT)
        equal(refusal, "")
        equal(pop.stat()[0], 0)
        pop.quit()
        expect(hanging.is_alive(), "who came later waited for the checker that hangs")
        for wrong in ("wrong", RIGHT + "x", RIGHT[:-1], RIGHT.upper(), "x\tskip_password_check=yes"):
            contains(pop3("carol", wrong)[0], "-ERR [AUTH]", wrong)
        contains(pop3("nobody-here", RIGHT)[0], "-ERR [AUTH]", "no such mailbox")

    @case("by submission: a wrong password is 535, and with the right one swaks sends, and with a wrong one it does not")
    def _():
        equal([submission("carol", password)[0] for password in ("wrong", RIGHT[:-1], RIGHT)], [535, 535, 235])
        if not shutil.which("swaks"):
            skip("NOT SHOWN: swaks is not installed")
        def swaks(password):
            words = ["swaks", "--server", "localhost", "--port", mail.env["SUBMISSION_PORT"], "-tls", "--auth", "PLAIN", "--auth-user", "carol",
                     "--auth-password", password, "--from", "carol@here.example", "--to", "carol@here.example", "--h-Subject", "by swaks", "--hide-all"]
            return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode
        equal(swaks("wrong"), 28)  # authentication failed
        equal(swaks(RIGHT), 0)
        contains(mail.wait_for_messages("carol", 1)[0], b"by swaks")
        refusal, pop = pop3("carol", RIGHT)
        equal(refusal, "")
        contains(b"\n".join(pop.retr(1)[1]), b"by swaks")
        pop.quit()

    @case("the login that a checker tells is the one whose mailbox opens, and as whom one may send")
    def _():
        refusal, pop = pop3("chef@club.example", RIGHT)
        equal(refusal, "")
        contains(b"\n".join(pop.retr(1)[1]), b"by swaks")
        pop.quit()
        code, peer = submission("chef@club.example", RIGHT)
        equal(code, 235)
        equal(peer.code("MAIL FROM:<alice@here.example>") // 100, 5, "as alice")
        equal(peer.code("MAIL FROM:<carol@here.example>"), 250, "as carol")

    @case("a login that users/passwords knows is nobody else's to open")
    def _():
        contains(pop3("alice", RIGHT)[0], "-ERR [AUTH]")
        equal(pop3("alice", "secret")[0], "")

    for password, line, words in (("exit 111", r"exit=111", "111"), ("exit 100", r"exit=100", "100"), ("signal", r"signal=9", "a signal"),
                                  ("prints", r"error=\S*did\\x20not\\x20run", "0 with words of its own on its output")):
        @case(f"a checker that ends with {words} puts the login off by POP3 and submission, and the log names it")
        def _():
            contains(pop3("x@ender.example", password)[0], "-ERR [SYS/TEMP]")
            equal(submission("x@ender.example", password)[0], 454)
            mail.wait_for_log("check-spawn", rf"event=checker-failed program={re.escape(ENDER)} {line}")
            contains(pop3("x@ender.example", "exit 1")[0], "-ERR [AUTH]", "then a wrong password")

    @case("a checker that is not there puts the login off, and the log says why")
    def _():
        contains(pop3("y@missing.example", "any")[0], "-ERR [SYS/TEMP]")
        mail.wait_for_log("check-spawn", r"event=checker-failed program=/nonexistent/checker error=execute\S*No\\x20such\\x20file")

    @case("a system user's password opens the mailbox of his uid, by POP3 and submission; a wrong one does not")
    def _():
        if not HAS_ETC:
            skip("NOT SHOWN: this machine makes no mount name space")
        add(SYSTEM_USER, "--system")
        contains(pop3(SYSTEM_USER, "wrong")[0], "-ERR [AUTH]")
        refusal, pop = pop3(SYSTEM_USER, SYSTEM_PASSWORD)
        equal(refusal, "")
        session = mail.wait_for_log("login", rf"event=start service=pop3 user={SYSTEM_USER} child=(\d+)")[1]
        equal(os.stat(f"/proc/{session}").st_uid, SYSTEM_UID)
        pop.quit()
        code, peer = submission(SYSTEM_USER, SYSTEM_PASSWORD)
        equal((code, peer.code(f"MAIL FROM:<{SYSTEM_USER}@here.example>")), (235, 250))
        equal(submission(SYSTEM_USER, "wrong")[0], 535)

    @case("a system user's password opens nobody else's mailbox")
    def _():
        if not HAS_ETC:
            skip("NOT SHOWN: this machine makes no mount name space")
        add_users({"dave": (SYSTEM_UID + 4_000, crypt(SYSTEM_PASSWORD, salt("$y$", 1)) + ":::::::")})
        add("dave")  # of the same name, and with a uid of its own
        contains(pop3("dave", SYSTEM_PASSWORD)[0], "-ERR [AUTH]")

    @case("a change of users/passwords counts at once, though the checker's word was remembered")
    def _():
        equal(pop3("carol", RIGHT)[0], "")
        equal(mail.run("user", "disable", "carol").returncode, 0)
        contains(pop3("carol", RIGHT)[0], "-ERR [AUTH]")
        equal(mail.run("user", "enable", "carol").returncode, 0)
        equal(pop3("carol", RIGHT)[0], "")

    @case("a checker that is taken out of control/checkers opens nothing any more")
    def _():
        path = mail.dir / "control/checkers"
        text = path.read_text()
        for content, is_open in (("@ shadow\n", False), (text, True)):
            (mail.dir / "control/checkers.new").write_text(content)
            (mail.dir / "control/checkers.new").chmod(0o644)
            os.rename(mail.dir / "control/checkers.new", path)
            equal(pop3("carol", RIGHT)[0] == "", is_open, content)

    @case("a checker that hangs holds nobody else up, is ended after 20 seconds with its login put off, and the log names it")
    def _():
        hanging.join(60)
        contains(held.get("said", "nothing"), "-ERR [SYS/TEMP]")
        expect(19 < held["seconds"] < 40, held)
        mail.wait_for_log("check-spawn", rf"event=checker-late program={re.escape(ENDER)}")
        equal(processes_with(f"sleep {NAPS}"), [])

    @case("no password is in a log")
    def _():
        for path in (mail.dir / "log").glob("*/*"):
            if path.is_file():
                text = path.read_text("utf-8", "backslashreplace")
                for secret in ("right pass", "right\\x20pass", SYSTEM_PASSWORD, SYSTEM_PASSWORD.replace(" ", "\\x20"), "exit 111", "hangs"):
                    expect(secret not in text, f"{secret} is in {path}")

shutil.rmtree(FOLDER, ignore_errors=True)
finish()
