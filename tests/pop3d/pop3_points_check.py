#!/usr/bin/env python3
"""pop3d killed before each of its system calls, and each of them failing: a message is gone or there, never half, and gone only when
QUIT was asked for"""
import errno
import os
import re
import socket
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
from check import case, equal, expect, finish  # noqa: E402
from pop3_mailbox import BUILD, UID, Mailbox  # noqa: E402

POINTS = os.path.join(BUILD, "tests/points/points")
CALLS = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read())}
ERRORS = {
    "openat": ("EIO", "EMFILE", "EACCES", "EINTR"), "read": ("EIO", "EINTR"), "getdents64": ("EIO",), "newfstatat": ("EIO",), "fstat": ("EIO",),
    "recvfrom": ("EIO", "EINTR"), "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR", "short"), "sendmsg": ("EIO", "EINTR", "short"), "pread64": ("EIO", "EINTR"), "unlinkat": ("EIO", "EACCES", "EINTR"),
    "renameat2": ("EIO", "ENOSPC", "EDQUOT"), "renameat": ("EIO", "ENOSPC"), "fsync": ("EIO", "ENOSPC"), "writev": ("EIO", "ENOSPC", "EDQUOT", "EINTR", "short"), "lseek": ("EIO",), "ftruncate": ("EIO", "EINTR"), "flock": ("ENOLCK", "EINTR"),
    "poll": ("EINTR", "ENOMEM"), "mmap": ("ENOMEM",), "close": ("EIO",), "fcntl": ("EBADF",),
    "prctl": ("ENOMEM",), "prlimit64": ("EPERM",), "close_range": ("ENOMEM",), "landlock_create_ruleset": ("ENOMEM",),
    "landlock_add_rule": ("ENOMEM",), "landlock_restrict_self": ("ENOMEM",),
}
ONCE = ("EINTR", "short")
MESSAGES = [b"Subject: %d\n\n.\nbody %d\n" % (i, i) * 3 for i in range(1, 5)]
DELETED = (1, 3)  # from 0
DIALOGUE = b"STAT\r\nUIDL\r\nRETR 1\r\nTOP 3 1\r\nDELE 2\r\nDELE 4\r\nQUIT\r\n"


def fill(box):
    box.clear()
    box.put("1000.a.host", MESSAGES[0])
    box.put("1001.b.host:2,", MESSAGES[1], "cur")
    box.put("1002.c.host", MESSAGES[2], size="none")
    box.put("1003.d.host", MESSAGES[3], size="none")
    put_note(box.maildir("maildirsize"), f"{sum(map(len, MESSAGES))}S\n{sum(map(len, MESSAGES))} {len(MESSAGES)}\n")
    put_note(full_flag(box), "0\n")


def full_flag(box):
    return os.path.join(box.path, "full")


def put_note(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chown(path, UID, UID)


def noted(box):
    """How many messages maildirsize says; None: nobody would believe it."""
    with open(box.maildir("maildirsize"), encoding="ascii") as file:
        text = file.read()
    if not re.fullmatch(r"\d+S\n(-?\d+ -?\d+\n)+", text):
        return None
    return sum(int(line.split()[1]) for line in text.splitlines()[1:])


def run(box, action):
    """What points said, and all that the client heard."""
    here, there = socket.socketpair()
    here.settimeout(60)
    reader, writer = os.pipe()
    with open(box.log_path, "ab") as log:
        process = subprocess.Popen([POINTS, str(writer), "main", "birth", action, str(UID), str(UID), box.program], stdin=there, stdout=there, stderr=log,
                                   cwd=box.home, env={"USER": "alice", "FULL": full_flag(box)}, pass_fds=[writer])
    os.close(writer)
    there.close()
    heard = b""
    try:
        here.sendall(DIALOGUE)
        here.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it is dead already
    try:
        while piece := here.recv(65536):
            heard += piece
    except ConnectionResetError:
        pass
    here.close()
    with os.fdopen(reader) as pipe:
        said = [line.split() for line in pipe.read().splitlines()]
    process.wait(60)
    return said, heard


def wire(content):
    return content.replace(b"\n", b"\r\n")


def answers_of(heard):
    """(word, whole text or None where it was cut) for each answer to DIALOGUE, the greeting first."""
    found = []
    for is_list in (False, False, True, True, True, False, False, False):
        line, end, rest = heard.partition(b"\r\n")
        if not end:
            break
        text = line
        if is_list and line.startswith(b"+OK"):
            match = re.match(rb"(?s)(.*?)(?:^|(?<=\r\n))\.\r\n", rest)
            text, rest = (match[1], rest[match.end():]) if match else (None, b"")
        found.append((line[:4].strip(), text))
        heard = rest
        if line.startswith(b"-ERR") and len(found) == 1:
            break
    return found


def check(box, heard):
    """None, or what is wrong."""
    answers = answers_of(heard)
    for at, want in ((3, wire(MESSAGES[0])), (4, wire(MESSAGES[2]).split(b"\r\n", 3)[0] + b"\r\n\r\n.\r\n")):
        if len(answers) > at and answers[at][0] == b"+OK" and answers[at][1] is not None:
            got = re.sub(rb"(?m)^\.", b"", answers[at][1])
            if got != want:
                return f"answer {at} is {got!r}"
    contents = list(box.contents().values())
    quit_answer = answers[7][0] if len(answers) > 7 else None
    for i, message in enumerate(MESSAGES):
        count = contents.count(message)
        if i in DELETED and quit_answer == b"+OK" and count != 0:
            return f"message {i + 1} is still there"
        if count > 1 or (count == 0 and i not in DELETED):
            return f"message {i + 1} is there {count} times after {len(answers)} answers"
    if any(content not in MESSAGES for content in contents):
        return "something else is there"
    if (noted(box) or len(MESSAGES)) < len(contents):
        return f"maildirsize says {noted(box)} messages of {len(contents)}"
    uids = dict(line.split() for line in answers[2][1].splitlines()) if len(answers) > 2 and answers[2][0] == b"+OK" and answers[2][1] else {}
    with box.session() as pop:
        if not pop.greeted.startswith(b"+OK"):
            return f"the next session hears {pop.greeted!r}"
        now = [line.split()[1] for line in pop.ask_lines(b"UIDL")]
        for number, uid in enumerate(now, 1):
            at = MESSAGES.index(pop.retrieve(number).replace(b"\r\n", b"\n"))
            if uids and uids[b"%d" % (at + 1)] != uid:
                return f"message {at + 1} was {uids[b'%d' % (at + 1)]!r} and is {uid!r}"
    return None


with Mailbox() as box:
    fill(box)
    calls = [(int(line[3]), CALLS.get(int(line[4]), line[4])) for line in run(box, "count")[0] if line[0] == "call"]

    def try_all(actions):
        reached, wrong = 0, []
        for name, action in actions:
            fill(box)
            said, heard = run(box, action)
            reached += any(line[0] == "hit" for line in said)
            trouble = check(box, heard)
            died = [line[5] for line in said if line[0] == "end" and line[5].startswith("-") and not action.startswith("kill")]
            if trouble or died:
                wrong.append(f"{action} {name}: {trouble or 'died of signal ' + died[0]}")
        print(f"  {len(actions)} points, {reached} reached")
        expect(reached > len(actions) * 0.9, f"only {reached} of {len(actions)} points were reached")
        expect(not wrong, f"{len(wrong)} wrong: " + "; ".join(wrong[:5]))

    @case("nothing goes wrong when nothing goes wrong")
    def _():
        fill(box)
        _, heard = run(box, "count")
        equal([word for word, _ in answers_of(heard)], [b"+OK"] * 8, heard)
        equal(check(box, heard), None)
        equal((noted(box), os.path.getsize(full_flag(box))), (len(MESSAGES) - len(DELETED), 0))
        expect(len(calls) > 60, calls)

    @case("killed before each call: every message is whole or, if it was to go at QUIT, gone; its number stays", seconds=200)
    def _():
        try_all([(name, f"kill:{number}") for number, name in calls])

    @case("each call fails: no half message passes for a whole one, nothing is lost, and nothing dies of it", seconds=300)
    def _():
        actions = []
        for number, name in calls:
            for error in ERRORS.get(name, ()):
                if error == "short":
                    actions.append((name, f"short:{number}"))
                    continue
                actions.append((f"{name} {error}", f"errno:{number}:{getattr(errno, error)}"))
                if error not in ONCE and "long" in sys.argv:
                    actions.append((f"{name} {error}", f"errno:{number}:{getattr(errno, error)}:on"))
        try_all(actions)

finish()
