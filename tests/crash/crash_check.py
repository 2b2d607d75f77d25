#!/usr/bin/env python3
"""Every program is killed before each system call that it makes for a message; what was acknowledged arrives, and whole.

run alone: it works on several points at once. "long", or make proof-crash: every point.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "points"))
from proof import prove  # noqa: E402


def actions_of(points, _):
    return [f"kill:{call.count}" for call in points]


def judge(_, run):
    """Acknowledged: there, and whole. Not acknowledged: whole, or not there. Twice: only where the outcome was lost."""
    repeat = None
    for mailbox in run.scenario.mailboxes:
        copies = run.copies.get(mailbox, 0)
        if run.is_taken and copies == 0:
            return {"wrong": f"acknowledged ({run.answer}) and lost for {mailbox}: {run.said[-1500:]}"}
        if copies > 1:
            repeat = run.scenario.may_repeat(run.made)
            if not repeat or copies > 2:
                return {"wrong": f"{copies} copies for {mailbox}, and nothing explains them: {run.said[-1500:]}"}
    return {"repeat": repeat}


if __name__ == "__main__":
    prove("killed", actions_of, judge, most=9)
