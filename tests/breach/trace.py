"""trace - what `strace -ff -y` wrote, told by program: what each did once it was confined

    programs = read_traces(directory, bin_directory, places)
    programs["smtpd"].calls        {"read": 12, ...}
    programs["smtpd"].paths        {("read", "/.../control/me")}; also "write", "create", "remove", "link"
    programs["smtpd"].connections  paths of Unix sockets
    programs["smtpd"].started      paths of programs

A process that was forked goes on as its parent was at that moment; exec of one of our programs begins anew.
"""
import collections
import os
import pathlib
import re

CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\w+|\?)(<[^>]*>)?(.*)$")
FORKS = ("clone", "clone3", "fork", "vfork")
OPENS = ("open", "openat")


class Done:
    def __init__(self):
        self.calls = collections.Counter()
        self.paths, self.connections, self.started = set(), set(), set()
        self.processes = 0


def path_of(directory, name):
    return os.path.normpath(os.path.join(directory, name))


class Process:
    """One trace file, from where it begins."""

    def __init__(self, reader, pid, program=None, is_confined=False, cwd="/"):
        self.reader, self.pid, self.program, self.is_confined, self.cwd = reader, pid, program, is_confined, cwd

    def done(self):
        return self.reader.programs[self.program]

    def read(self, lines):
        if self.program and self.is_confined:
            self.done().processes += 1
        for line in lines:
            call = CALL.match(line)
            if call:
                self.take(call[1], call[2], call[3], call[4], call[5])

    def take(self, name, words, answer, fd_path, why):
        if name == "execve" and answer == "0":
            return self.become(words)
        if name in FORKS and answer.isdigit() and answer != "0":
            self.reader.queue.append(Process(self.reader, int(answer), self.program, self.is_confined, self.cwd))
        if name == "chdir" and answer == "0":
            self.cwd = path_of(self.cwd, re.match(r'"([^"]*)"', words)[1])
        if name == "fchdir" and answer == "0":
            self.cwd = re.match(r"\d+<([^>]*)>", words)[1]
        if self.program is None:
            return None
        if not self.is_confined:
            if (name == "prctl" and "PR_SET_SECCOMP" in words or name == "seccomp") and answer == "0":
                self.is_confined = True
                self.done().processes += 1
            return None
        self.done().calls[name] += 1
        if answer not in ("-1", "?") or "EACCES" in why or "EPERM" in why:
            self.note(name, words, fd_path)
        return None

    def become(self, words):
        path = path_of(self.cwd, re.match(r'"([^"]*)"', words)[1])
        if self.program and self.is_confined:
            self.done().calls["execve"] += 1
            self.done().started.add(path)
        is_ours = os.path.dirname(path) == self.reader.bin
        self.program, self.is_confined = (os.path.basename(path) if is_ours else None), False

    def names(self, words):
        """The paths in a call's words: each a name and, before it, the directory it is relative to."""
        for at in re.finditer(r'(?:(AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"((?:[^"\\]|\\.)*)"', words):
            yield path_of(at[2] or self.cwd, at[3])

    def note(self, name, words, fd_path):
        done = self.done()
        if name == "connect":
            done.connections.update(path_of(self.cwd, one) for one in re.findall(r'sun_path="([^"]*)"', words))
        elif name in OPENS:
            path = fd_path[1:-1] if fd_path else next(self.names(words), self.cwd)
            if "O_CREAT" in words:
                done.paths.add(("create", path))
            if "O_WRONLY" not in words:
                done.paths.add(("read", path))
            if "O_WRONLY" in words or "O_RDWR" in words:
                done.paths.add(("write", path))
        elif name in ("mkdir", "mkdirat"):
            done.paths.update(("create", path) for path in self.names(words))
        elif name in ("unlink", "unlinkat", "rmdir"):
            done.paths.update(("remove", path) for path in self.names(words))
        elif name in ("link", "linkat", "rename", "renameat", "renameat2"):
            paths = list(self.names(words))
            done.paths.add(("link", paths[-1]))
            if name.startswith("rename"):
                done.paths.add(("remove", paths[0]))


class Reader:
    def __init__(self, directory, bin_directory, places):
        self.directory, self.bin, self.places = pathlib.Path(directory), str(bin_directory), places
        self.programs, self.queue = collections.defaultdict(Done), []

    def read(self):
        files = {int(path.suffix[1:]): path for path in self.directory.iterdir()}
        children = set()
        for path in files.values():
            children.update(int(pid) for pid in re.findall(r"^(?:clone3?|v?fork)\(.*= (\d+)", path.read_text(errors="replace"), re.M))
        self.queue = [Process(self, pid, cwd=self.places.get(pid, "/")) for pid in sorted(files) if pid not in children]
        seen = set()
        while self.queue:
            process = self.queue.pop()
            if process.pid in files and process.pid not in seen:
                seen.add(process.pid)
                process.read(files[process.pid].read_text(errors="replace").splitlines())
        return self.programs


def read_traces(directory, bin_directory, places):
    """`places`: {pid: its directory} of processes that ran before they were traced."""
    return Reader(directory, bin_directory, places).read()
