"""pop3_mailbox - a mailbox of the test's own, and pop3d on it, for tests that need neither a login nor a network"""
import os
import re
import shutil
import socket
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
UID = 1_900_000_123


class Session:
    """A pop3d with this test as its client."""

    def __init__(self, mailbox, wrapper=(), utf8=False, user="alice", full=None):
        self.here, there = socket.socketpair()
        self.here.settimeout(60)
        environment = {"USER": user, **({"UTF8": "1"} if utf8 else {}), **({"FULL": full} if full else {})}
        become = [shutil.which("setpriv"), f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        with open(mailbox.log_path, "ab") as log:
            self.process = subprocess.Popen([*wrapper, *become, mailbox.program], stdin=there, stdout=there, stderr=log, cwd=mailbox.home, env=environment)
        there.close()
        self.stream = self.here.makefile("rb")

    def greeting(self):
        return self.line()

    def line(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"{line!r} and the end")
        return line[:-2]

    def send(self, line):
        self.here.sendall(line + b"\r\n")

    def ask(self, line):
        self.send(line)
        return self.line()

    def lines(self):
        """Of a multi-line response behind its first line, dots taken off."""
        found = []
        while (line := self.line()) != b".":
            found.append(line[1:] if line.startswith(b".") else line)
        return found

    def ask_lines(self, line):
        answer = self.ask(line)
        if not answer.startswith(b"+OK"):
            raise AssertionError(f"{line!r}: {answer!r}")
        return self.lines()

    def retrieve(self, number):
        """The octets of a message as they were sent, without doubled dots and the end."""
        return b"".join(line + b"\r\n" for line in self.ask_lines(b"RETR %d" % number))

    def quit(self):
        answer = self.ask(b"QUIT")
        self.end()
        return answer

    def end(self):
        self.stream.close()
        self.here.close()
        return self.process.wait(60)

    def __enter__(self):
        self.greeted = self.greeting()
        return self

    def __exit__(self, *_):
        self.end()


class Mailbox:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="postern-pop3-", dir=os.environ.get("TMPDIR", "/tmp"))
        os.chmod(self.path, 0o755)
        self.program = os.path.join(self.path, "pop3d")
        shutil.copy(os.path.join(BUILD, "pop3d/pop3d"), self.program)
        os.chmod(self.program, 0o755)
        self.home = os.path.join(self.path, "home")
        self.log_path = os.path.join(self.path, "log")
        os.mkdir(self.home, 0o700)
        os.chown(self.home, UID, UID)
        self.clear()

    def clear(self):
        shutil.rmtree(self.maildir(), ignore_errors=True)
        for folder in ("", "tmp", "new", "cur"):
            path = self.maildir(folder)
            os.mkdir(path, 0o700)
            os.chown(path, UID, UID)

    def maildir(self, *names):
        return os.path.join(self.home, "Maildir", *names)

    def put(self, name, content=b"Subject: x\n\nx\n", folder="new", size="right"):
        """`size`: right, none, or the words to put into the name."""
        octets = len(content) + len(re.findall(rb"(?<!\r)\n", content)) + (2 if content and not content.endswith(b"\n") else 0)
        base, colon, info = name.partition(":")
        base += {"right": f",S={len(content)},W={octets}", "none": ""}.get(size, size)
        path = self.maildir(folder, base + colon + info)
        with open(path, "wb") as file:
            file.write(content)
        os.chown(path, UID, UID)
        return path

    def names(self):
        return sorted(f"{folder}/{name}" for folder in ("new", "cur") for name in os.listdir(self.maildir(folder)))

    def contents(self):
        found = {}
        for name in self.names():
            path = self.maildir(name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[name] = file.read()
        return found

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def session(self, **more):
        return Session(self, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
