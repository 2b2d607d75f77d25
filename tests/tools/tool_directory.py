"""tool_directory - a directory of Postern's for the tests of tools, without anything that runs

    with ToolDirectory() as place:
        place.run("user", "add", "alice")           # the exit code, descriptors 1 and 2 as text
        place.must("user", "list", "--json")        # what it printed; any other exit code than 0 fails the case
"""
import json
import os
import shutil
import subprocess
import tempfile
import types

from check import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
DIGITS = "0123456789abcdefghijklmnopqrstuv"


def tool(name):
    return os.path.join(BUILD, "tools", name)


class ToolDirectory:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="postern-tool-")
        self.fill()
        return self

    def fill(self):
        os.chmod(self.path, 0o755)
        for name, mode in [("control", 0o755), ("users", 0o755), ("users/full", 0o755), ("home", 0o711), ("queue", 0o750), ("queue/todo", 0o750),
                           ("queue/broken", 0o750), ("queue/tmp", 0o750), ("log", 0o755), ("state", 0o700), ("run", 0o755), ("run/queue-send", 0o750)]:
            os.mkdir(self.file(name), mode)
        self.write("control/me", "here.example\n")

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, text):
        with open(self.file(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        with open(self.file(name), encoding="utf-8") as file:
            return file.read()

    def run(self, *words, given="", prefix=()):
        done = subprocess.run([*prefix, tool(words[0]), *words[1:]], input=given.encode(), capture_output=True, check=False, timeout=60,
                              env={"POSTERN_DIR": self.path, "PATH": os.environ["PATH"]})
        return types.SimpleNamespace(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def must(self, *words, given=""):
        done = self.run(*words, given=given)
        if done.code != 0:
            raise Failure(f"{' '.join(words)}: exit code {done.code}: {done.err}")
        return done.out

    def refuses(self, part, *words, code=100, given=""):
        """The tool ends with that code and one line that says `part`."""
        done = self.run(*words, given=given)
        if done.code != code or part not in done.err or done.err.count("\n") != 1:
            raise Failure(f"{' '.join(words)}: exit code {done.code} (want {code}), said {done.err!r} (want {part!r})")

    def users(self):
        return {one["user"]: one for one in json.loads(self.must("user", "list", "--json"))}
