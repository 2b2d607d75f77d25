#!/usr/bin/env python3
"""user and domain killed before each of their system calls, and each of them failing: the files hold the state before or the one after, whole,
nobody else's mailbox changes, and the same words again come to the same end

    user_points_check.py [long]      long: every call with every error, instead of some of them
"""
import errno
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools"), os.path.join(ROOT, "tests", "points")]
from check import case, equal, expect, finish, skip  # noqa: E402
from message import NAMES  # noqa: E402
from tool_directory import BUILD, ToolDirectory, tool  # noqa: E402

POINTS = os.path.join(BUILD, "tests/points/points")
if os.geteuid() != 0 or not os.path.exists(POINTS) or not NAMES:
    case("user and domain at every system call")(lambda: skip("NOT SHOWN: takes root, build/tests/points/points and the kernel's headers"))
    finish()

IS_LONG = "long" in sys.argv[1:]
MOST = 100_000 if IS_LONG else 8  # points of one command and kind
ERRORS = {"openat": ("EIO", "ENOSPC", "EMFILE"), "read": ("EIO", "EINTR"), "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR", "short"), "fsync": ("EIO", "ENOSPC"),
          "renameat": ("EIO", "ENOSPC"), "renameat2": ("EIO", "ENOSPC"), "mkdirat": ("EIO", "ENOSPC"), "mkdir": ("EIO", "ENOSPC"), "fchown": ("EIO", "EPERM"),
          "unlinkat": ("EIO", "EACCES"), "flock": ("ENOLCK", "EINTR"), "newfstatat": ("EIO",), "fstat": ("EIO",), "getdents64": ("EIO",), "lseek": ("EIO",), "chdir": ("EIO",),
          "landlock_create_ruleset": ("ENOMEM",), "landlock_add_rule": ("ENOMEM",), "landlock_restrict_self": ("ENOMEM",), "seccomp": ("ENOMEM",),
          "prctl": ("EPERM",), "access": ("EIO",), "mmap": ("ENOMEM",), "fchmod": ("EIO",)}
HARMLESS = ("EINTR", "short")                            # gone on with: the command succeeds
MUST_FAIL = ("write", "fsync", "renameat", "renameat2", "fchown")  # a command that could not do this has not succeeded
FIRST = 1_900_000_000


def prepare(place):
    for name in ["alice", "bob", "info@example.org"]:
        place.must("user", "add", name)
        home = place.users()[name]["home"]
        with open(home + "/Maildir/new/1.a.host", "w", encoding="ascii") as file:
            file.write("mail of " + name)
    for name in ["alice", "bob"]:
        place.must("user", "passwd", name, given="old\n")
        place.must("user", "apppass", "add", name, "phone")
        place.must("user", "quota", name, "100M")
    place.must("user", "disable", "bob")
    place.must("domain", "add", "empty.example")
    place.write("control/virtualdomains", "# kept\n" + place.read("control/virtualdomains"))


# words: (what is written to descriptor 0, what the same words may say when they were done already)
COMMANDS = {
    "user add new@fresh.example": ("", "such a mailbox already"),
    "user del alice": ("", "no such mailbox"),
    "user del alice --remove-mail": ("", "no such mailbox"),
    "user passwd alice": ("new\n", None),
    "user apppass add alice laptop": ("", "of that name already"),
    "user apppass del alice phone": ("", "no app password of that name"),
    "user disable alice": ("", None),
    "user enable bob": ("", None),
    "user rename alice carol": ("", "renamed already"),
    "user rename info@example.org office@fresh.example": ("", "renamed already"),
    "user quota alice 200M 1000": ("", None),
    "user quota bob none": ("", None),
    "user rebuild": ("", None),
    "domain add fresh.example": ("", "already"),
    "domain add fresh.example --local": ("", "already"),
    "domain del empty.example": ("", "no such domain"),
}


def tree_of(top):
    """Names below home/ with their owners and what they hold."""
    found = {}
    for path, names, files in os.walk(top):
        for name in names + files:
            whole = os.path.join(path, name)
            status = os.lstat(whole)
            found[os.path.relpath(whole, top)] = (status.st_uid, oct(status.st_mode), open(whole, encoding="ascii").read() if name in files else None)
    return found


def read(path):
    return open(path, "rb").read() if os.path.exists(path) else None


class Commands:
    def __init__(self, place):
        self.place, self.template = place, place.path + ".template"
        prepare(place)
        subprocess.run(["cp", "-a", place.path, self.template], check=True)

    def reset(self):
        shutil.rmtree(self.place.path)
        subprocess.run(["cp", "-a", self.template, self.place.path], check=True)

    def run(self, words, action):
        """(exit code, what it said, calls, whether the point was reached)"""
        name, *rest = words.split()
        reader, writer = os.pipe()
        process = subprocess.Popen([POINTS, str(writer), "main", "birth", action, "0", "0", tool(name), *rest], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, pass_fds=[writer], env={"POSTERN_DIR": self.place.path})
        os.close(writer)
        with os.fdopen(reader) as pipe:
            process.stdin.write(COMMANDS[words][0].encode())
            process.stdin.close()
            said = [line.split() for line in pipe.read().splitlines()]
        errors = process.stderr.read().decode()
        process.stdout.read()
        process.wait(60)
        ends = [int(line[5]) for line in said if line[0] == "end"]
        calls = [(int(line[3]), NAMES.get(int(line[4]), line[4]), int(line[5])) for line in said if line[0] == "call"]
        return ends[-1], errors, calls, any(line[0] == "hit" for line in said)

    def state(self, is_compiled):
        """What the tools say that there is, and what lies there. The database must be that of users/assign where that is said."""
        place = self.place
        passwords = [re.sub(r"\$y\$[^:]*", "$y$", re.sub(r":\d+,[^:]*", ":keys", re.sub(r"(laptop//)[^;]*", r"\1", line)))
                     for line in (read(place.file("users/passwords")) or b"").decode().splitlines()]
        # A flag of a mailbox without a quota says nothing, and goes with the next change of any user.
        limited = {line.split(":")[0] for line in (read(place.file("users/quotas")) or b"").decode().splitlines()}
        full = {name: what for name, what in tree_of(place.file("users/full")).items() if name in limited}
        found = {"users": place.users(), "domains": json.loads(place.must("domain", "list", "--json")), "passwords": sorted(passwords),
                 "virtualdomains": read(place.file("control/virtualdomains")), "locals": read(place.file("control/locals")),
                 "quotas": read(place.file("users/quotas")), "full": full, "home": tree_of(place.file("home"))}
        expect(all(one["password"] != "unknown" for one in found["users"].values()), "users/passwords cannot be read")
        if is_compiled:
            database = read(place.file("users/cdb"))
            place.must("user", "rebuild")
            equal(read(place.file("users/cdb")), database, "users/cdb is not that of users/assign")
            equal([name for name in os.listdir(place.file("users")) + os.listdir(place.file("control")) if name.endswith(".new")], [])
        return found

    def mailboxes_of_others(self, state, words):
        mine = {name for name in ("alice", "bob", "info@example.org") if name in words}
        others = [name for name in ("alice", "bob", "info@example.org") if name not in mine]
        return [(state["users"].get(name), [line for line in state["passwords"] if line.startswith(name + ":")], state["full"].get(name),
                 {path: what for path, what in state["home"].items() if path.startswith(("example.org/info" if "@" in name else name) + "/")}) for name in others]


def without_uid(state):
    """A killed run may have given a uid out: the next one gets another."""
    if (new := state["users"].get("new@fresh.example")) is None:
        return state
    text = json.dumps({key: value.decode() if isinstance(value, bytes) else value for key, value in state.items()}, sort_keys=True)
    return text.replace(str(new["uid"]), "UID")


def check(commands, words, before, after, outcome):
    """None, or what is wrong."""
    code, errors, _, _ = outcome
    if code == 0 and without_uid(commands.state(True)) != without_uid(after):
        return "it said that it was done, and it is not"
    if code not in (0, 100, 111, -9, 127) or (code in (100, 111) and errors.count("\n") != 1):
        return f"it ended with {code}: {errors!r}"
    state = commands.state(False)
    if commands.mailboxes_of_others(state, words) != commands.mailboxes_of_others(before, words):
        return "another mailbox changed"
    given, already = COMMANDS[words]
    again = commands.place.run(*words.split(), given=given)
    if again.code != 0 and not (already and already in again.err):
        return f"again it said {again.err!r}"
    if without_uid(commands.state(True)) != without_uid(after):
        return "done again, it is not what it should be"
    return None


def spread(points):
    return points if len(points) <= MOST else [points[i * len(points) // MOST] for i in range(MOST)]


def points_of(calls, is_killing):
    # What the loader and the C library do at the start is nothing of ours.
    begin = 0 if IS_LONG else next(i for i, (_, name, _) in enumerate(calls) if name == "chdir")
    if is_killing:
        return spread([(name, None, f"kill:{number}") for number, name, _ in calls[begin:] if IS_LONG or name not in ("mmap", "munmap", "close", "brk")])
    found = []
    for number, name, descriptor in calls[begin:]:
        for error in ERRORS.get(name, ()):
            action = f"short:{number}" if error == "short" else f"errno:{number}:{getattr(errno, error)}"
            found.append((name, error, action))
            if IS_LONG and error not in HARMLESS:
                found.append((name, error, action + ":on"))
    return spread(found)


def try_all(commands, words, is_killing):
    commands.reset()
    before = commands.state(False)
    code, errors, calls, _ = commands.run(words, "count")
    equal((code, errors), (0, ""), words)
    after = commands.state(True)
    reached, wrong, points = 0, [], points_of(calls, is_killing)
    for name, error, action in points:
        commands.reset()
        outcome = commands.run(words, action)
        reached += outcome[3]
        trouble = check(commands, words, before, after, outcome)
        if not trouble and outcome[3] and error in HARMLESS and outcome[0] != 0:
            trouble = f"it ended with {outcome[0]}: {outcome[1]!r}"
        if not trouble and outcome[3] and error and error not in HARMLESS and name in MUST_FAIL and outcome[0] == 0:
            trouble = "it says that it is done"
        if trouble:
            wrong.append(f"{words}: {action} {name} {error or ''}: {trouble}")
    return len(points), reached, wrong


with ToolDirectory() as place:
    try:
        commands = Commands(place)
        for what, is_killing in (("killed before", True), ("failing at", False)):
            @case(f"{what} each call: before or after, never between, and the same words again end the same", seconds=3600 if IS_LONG else 240)
            def _(what=what, is_killing=is_killing):
                tried, reached, wrong = map(lambda parts: sum(parts[1:], parts[0]), zip(*(try_all(commands, words, is_killing) for words in COMMANDS)))
                print(f"  {len(COMMANDS)} commands, {tried} points, {reached} reached, {len(wrong)} wrong")
                expect(reached > tried * 0.9, f"only {reached} of {tried} points were reached")
                expect(not wrong, "; ".join(wrong[:6]))
    finally:
        shutil.rmtree(place.path + ".template", ignore_errors=True)

finish()
