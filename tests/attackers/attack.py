"""attack - what the tests of attackers share: their processes, what the services hold meanwhile, and mail that must get through

    with Attack(function) as attack:      # function(tell, go_on) runs as nobody, in a process of its own
        attack.wait("all held")           # until it says tell("all held")
        ...
    # go_on is told at the end; what it raises is the case's failure

    with Witness(mail) as witness:        # sends to alice by SMTP, all the time
        ...
    witness.verdict()                     # all accepted or deferred; all accepted ones arrive; then one more is accepted
"""
import os
import pathlib
import pwd
import re
import resource
import select
import smtplib
import sys
import threading
import time

here = pathlib.Path(__file__).parent
sys.path[:0] = [str(here.parent), str(here.parent / "e2e")]
from check import equal, expect, fail  # noqa: E402  pylint: disable=wrong-import-position
from postern import root  # noqa: E402  pylint: disable=wrong-import-position

PROOF = "long" in sys.argv
SECONDS = 1500 if PROOF else 100  # that anything is waited for
MIB = 1 << 20


class Attack:
    """A process of another uid, with room for as many descriptors as it needs."""

    def __init__(self, function, user="nobody", descriptors=16384):
        self.words, words = os.pipe()
        go_on, self.go_on = os.pipe()
        self.said = ""
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.words)
            os.close(self.go_on)
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            try:
                function(lambda word: os.write(words, f"{word}\n".encode()), go_on)
            except BaseException as error:  # pylint: disable=broad-except
                os.write(words, f"failed: {type(error).__name__}: {error}\n".encode())
            os._exit(0)
        os.close(words)
        os.close(go_on)

    def wait(self, word, seconds=SECONDS):
        """Until it said a line that begins with this word; gives the rest of the line."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.said.splitlines(True):
                if line.endswith("\n") and (line.startswith("failed: ") or line.split(" ")[0].strip() == word):
                    expect(not line.startswith("failed: "), line)
                    return line[len(word) :].strip()
            ready = select.select([self.words], [], [], max(0.0, deadline - time.monotonic()))[0]
            more = os.read(self.words, 65536).decode() if ready else ""
            expect(more, lambda: f"the attacker did not say {word!r}: {self.said!r}")
            self.said += more

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        os.close(self.go_on)
        try:
            if kind is None:
                self.wait("over")
        finally:
            os.close(self.words)
            if kind is not None:
                os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)


class Witness:
    """Somebody else's mail, sent one after the other while the attack lasts."""

    def __init__(self, mail, user="alice", host=None, pause=0.02):
        self.mail, self.user, self.host, self.pause = mail, user, host, pause
        self.accepted, self.deferred, self.wrong = [], [], []
        self.most_seconds = 0.0
        self.before = len(mail.message_files(user))
        self.changed = threading.Condition()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(SECONDS)

    def _run(self):
        number = 0
        while not self.over.is_set():
            number += 1
            self.send(f"witness {os.getpid()} {id(self):x} {number}")
            self.over.wait(self.pause)  # a sender, not a flood: it ends at once with the attack

    def send(self, name):
        start = time.monotonic()
        try:
            with smtplib.SMTP(self.host or self.mail.host, self.mail.port, local_hostname="witness.example", timeout=60) as client:
                client.ehlo()
                for code, text in (client.mail("witness@client.example"), client.rcpt(self.mail.address(self.user)), (0, b"")):
                    if code not in (0, 250):
                        break
                else:
                    code, text = client.data(f"Subject: {name}\r\n\r\nwords\r\n")
        except smtplib.SMTPResponseException as error:
            code, text = error.smtp_code, error.smtp_error
        except (OSError, smtplib.SMTPException) as error:
            code, text = 0, f"{type(error).__name__}: {error}"
        with self.changed:
            self.most_seconds = max(self.most_seconds, time.monotonic() - start)
            if code == 250:
                self.accepted.append(name)
            elif 400 <= code < 500:
                self.deferred.append(f"{code} {text!r}")
            else:
                self.wrong.append(f"{code} {text!r}")
            self.changed.notify_all()
        return code

    def wait(self, count):
        """Until so many more were answered."""
        with self.changed:
            goal = self.answered() + count
            expect(self.changed.wait_for(lambda: self.answered() >= goal, SECONDS), f"{count} answers in {SECONDS} seconds")

    def answered(self):
        return len(self.accepted) + len(self.deferred) + len(self.wrong)

    def verdict(self):
        equal(self.wrong, [], "neither accepted nor deferred")
        equal(self.send(f"afterwards {id(self):x}"), 250, f"a message after the attack: {self.deferred[-1:]} {self.wrong}")
        self.mail.wait_for_messages(self.user, self.before + len(self.accepted), SECONDS)
        arrived = "\n".join(text.decode("latin-1").split("\n\n")[0] for text in self.mail.messages(self.user)) + "\n"
        equal([name for name in self.accepted if f"Subject: {name}\n" not in arrived], [], "accepted and lost")
        return f"{len(self.accepted)} accepted, {len(self.deferred)} deferred, slowest {self.most_seconds:.1f} s"


def limits_of_rows():
    """{program: (bytes of memory, descriptors)} from the manifest"""
    limits = {}
    for row in re.split(r"\n    \{(?=\.name)", (root / "lib/os/manifest.h").read_text())[1:]:
        memory = re.search(r"\.limits = \{[^}]*\.memory = (\d+) \* MiB", row)
        files = re.search(r"\.limits = \{[^}]*\.open_files = (\d+)", row)
        limits[re.search(r'\.name = "([a-z0-9-]+)"', row)[1]] = (int(memory[1]) * MIB if memory else 64 * MIB, int(files[1]) if files else 64)
    return limits


class Measure:
    """The most that a process of each program held at any look, and whether that is within its row."""

    def __init__(self, mail):
        self.mail, self.rows, self.most = mail, limits_of_rows(), {}

    def look(self):
        count = {}
        for pid, name in self.mail.processes().items():
            try:
                status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
                data, resident = (int(status[key].split()[0]) * 1024 for key in ("VmData", "VmHWM"))
                descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            except (OSError, KeyError):
                continue  # it has gone
            count[name] = count.get(name, 0) + 1
            before = self.most.get(name, (0, 0, 0, 0))
            self.most[name] = tuple(map(max, before, (data, resident, descriptors, count[name])))
        return self

    def verdict(self):
        for name, (data, resident, descriptors, _) in self.most.items():
            memory, files = self.rows[name]
            if max(data, resident) > memory or descriptors > files:
                fail(f"{name}: {data >> 10} KiB of data, {resident >> 10} KiB resident of {memory >> 10}, {descriptors} of {files} descriptors")
        return ", ".join(f"{name} {max(data, resident) >> 10} KiB {descriptors} fds {processes} processes"
                         for name, (data, resident, descriptors, processes) in sorted(self.most.items()))
