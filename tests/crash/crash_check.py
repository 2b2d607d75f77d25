#!/usr/bin/env python3
"""Every program is killed before each system call that it makes for a message; what was acknowledged arrives, and whole.

run alone: it works on several points at once. "long", or make proof-crash: every point.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "points"))
from proof import prove  # noqa: E402


def actions_of(points, _):
    return [f"kill:{call.count}" for call in points]


def unheard_bounce(run, copies):
    """A report that was injected and that no queue-send ever wrote of: whoever asked for it was gone before the answer. The order
    in which queue-send hears of the report's own file and of bounce's answer is not the same in every run, so the logs decide."""
    heard = len(re.findall(r"prog=queue-send \S+ event=bounce ", run.said))
    return "the bounce was in the queue, and queue-send had not heard so" if 0 < heard < copies else None


def judge(_, run, calls):
    """Acknowledged: there, and whole. Not acknowledged: whole, or not there. Twice: only where the outcome was lost."""
    repeat = None
    for mailbox in run.scenario.mailboxes:
        copies = run.copies.get(mailbox, 0)
        if run.is_taken and copies == 0:
            return {"wrong": f"acknowledged ({run.answer}) and lost for {mailbox}: {run.said[-1500:]}"}
        if copies > 1:
            repeat = run.scenario.may_repeat(calls, run.hit) or unheard_bounce(run, copies)
            if not repeat or copies > 2:
                return {"wrong": f"{copies} copies for {mailbox}, and nothing explains them: {run.said[-1500:]}"}
    return {"repeat": repeat}


if __name__ == "__main__":
    prove("killed", actions_of, judge, most=9)
