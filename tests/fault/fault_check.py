#!/usr/bin/env python3
"""Every system call of every program fails, once or from then on: nothing acknowledged is lost, and somebody says what failed.

run alone: it works on several points at once. "long", or make proof-fault: every call with every error.
"""
import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "points"))
from errors import CONFINES, ERRORS, ONCE, words_of  # noqa: E402
from proof import prove  # noqa: E402

FOUND = {  # what this proof found once is a case of its own, in short runs, too: what is so now, and where: scenario, call, error
    "tcplisten says so and rests when no process can be started": ("tcplisten", "vfork", "EAGAIN"),
    "tcplisten says which error kept a session from starting": ("tcplisten, starting smtpd", "execve", "ENOMEM"),
    "a local that did not get its order ends": ("local-spawn", "sendmsg", "ENOBUFS"),
    "local-spawn says which error kept it from the users database": ("local-spawn", "mmap", "ENOMEM"),
    "local-spawn says which error kept it from becoming the user": ("local-spawn, becoming the user", "setresuid", "EAGAIN"),
    "local-spawn says which error kept it from a home": ("local-spawn, becoming the user", "chdir", "EIO"),
    "smtpd says which error kept it from the users database": ("smtpd", "mmap", "ENOMEM"),
    "smtpd says which error kept it from the queue": ("smtpd", "socket", "EMFILE"),
    "smtpd says which error ended its session": ("smtpd", "read", "EIO"),
    "local says which error kept it from a Maildir, and does not call it missing": ("local", "newfstatat", "EIO"),
    "a remote whose outcome could not be told ends": ("remote", "writev", "EIO"),
    "remote says which error it met where it looked at its connection": ("remote", "recvfrom", "EIO"),
    "remote says which error kept it from sending the message": ("remote", "sendmsg", "EIO"),
    "a remote that was interrupted does not take its delivery for called off": ("remote", "poll", "EINTR"),
    "a kernel that cannot be asked for its Landlock is not taken for one without": ("smtpd", "landlock_create_ruleset", "ENOMEM"),
    "an inject that cannot enter Postern's directory for now exits 111": ("inject", "chdir", "EIO"),
    "queue-inject says why it does not know who asks": ("queue-inject", "getsockopt", "ENOBUFS"),
    "a service that cannot ask what its descriptors are does not call them wrong": ("queue-clean, starting", "access", "EIO"),
    "a program ends that cannot close what it was left": ("inject", "close_range", "ENOMEM"),
}


def found_once(scenario, calls):
    """By the name of what was found: of each such call the last three, which are behind the start of the program."""
    found = {}
    for name, (where, wanted, error) in FOUND.items():
        if where == scenario:
            found[name] = [f"errno:{call.count}:{getattr(errno, error)}" for call in [call for call in calls if call.name == wanted][-3:]]
    return found


def actions_of(points, _):
    actions = []
    for call in points:
        for name in ERRORS.get(call.name, ()):
            if name == "short":
                actions.append(f"short:{call.count}")
                continue
            actions.append(f"errno:{call.count}:{getattr(errno, name)}")
            if name not in ONCE:
                actions.append(f"errno:{call.count}:{getattr(errno, name)}:on")
    return actions


def is_temporary(answer):
    """4xx, T, exit 111; or a connection that ended without an answer: its client comes again."""
    return answer[:1] in ("4", "T", "!", "") or answer == "exit 111"


def was_left_open(run):
    """A step of main() or confine() failed, and the program went on; what libc does is in front of the umask."""
    if run.hit.name not in CONFINES or "umask" not in run.made:
        return False
    return not any(end.pid == run.hit.pid and end.last != 0 for end in run.ends)


def judge(world, run):
    lost = []
    repeat = None
    for mailbox in run.scenario.mailboxes:
        copies = run.copies.get(mailbox, 0)
        if run.is_taken and copies == 0:
            lost.append(mailbox)
        if copies > 1:
            repeat = run.scenario.may_repeat(run.made)
            if not repeat or (copies > 2 and not run.action.endswith(":on")):  # on: each try is one more such point
                return {"wrong": f"{copies} copies for {mailbox}, and nothing explains them: {run.said[-1500:]}"}
    if lost:
        return {"wrong": f"acknowledged ({run.answer}) and lost for {lost}: {run.said[-1500:]}"}
    if run.hit is None:
        return {}
    crashed = [end for end in run.ends if end.last < 0 and -end.last not in (9, 15)]
    if crashed:
        return {"wrong": f"ended by signal {-crashed[0].last}: {run.said[-1500:]}"}
    if not run.is_taken and not is_temporary(run.answer):
        return {"wrong": f"not a temporary failure: {run.answer}"}
    failed = [end for end in run.ends if end.last not in (0, -9, -15) and end.role == run.scenario.role]
    shows = not run.is_taken or failed or "outcome=deferred" in run.said or "outcome=failed text=4" in run.said
    if run.action.startswith("errno") and shows:
        if not any(words in text for words in words_of(run.action) for text in (run.said, run.answer)):
            return {"wrong": f"nobody says {words_of(run.action)[1]!r}: answer {run.answer!r}, log: {run.said[-1500:]}"}
    if run.action.startswith("short") and not run.is_taken:
        return {"wrong": f"a short write was not continued: {run.answer}: {run.said[-1500:]}"}
    if was_left_open(run):
        return {"wrong": f"went on without its confinement: {run.said[-1500:]}"}
    trouble = world.again(run)
    return {"repeat": repeat, "wrong": trouble} if trouble else {"repeat": repeat}


if __name__ == "__main__":
    prove("failing calls", actions_of, judge, most=10, found=found_once)
