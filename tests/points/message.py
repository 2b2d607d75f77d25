"""message - what a run is about: a message, the system calls that were counted, and what came of both"""
import os
import re

LINE = b"0123456789abcdef" * 4 + b"\n"


def syscall_names():
    names = {}
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            with open(path) as header:
                names = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read())}
    return names


NAMES = syscall_names()


class Call:
    """A line of points' report: word, role, pid, number within its process, system call, first argument or status."""

    def __init__(self, line):
        self.word, self.role, pid, count, number, self.last = line.split()
        self.pid, self.count, self.last = int(pid), int(count), int(self.last)
        self.name = NAMES.get(int(number), number)


class Message:
    """One that can be told from all others, and of which a missing byte is seen."""

    def __init__(self, number, recipients, sender="sender@client.example", lines=1100):
        self.number, self.recipients, self.sender = number, recipients, sender
        self.mark = b"message-%d-" % number
        body = self.mark + b"begins\n" + LINE * lines + self.mark + b"ends\n"
        self.body = b"\n" + body
        self.text = b"From: <sender@client.example>\nSubject: " + self.mark + b"\n" + self.body


class Run:
    """What became of a message, and of the process that the point was in."""

    def __init__(self, scenario, action, message):
        self.scenario, self.action, self.message = scenario, action, message
        self.is_taken, self.answer = False, ""  # acknowledged, and in which words
        self.copies = {}                        # recipient -> how often delivered, each time whole
        self.calls, self.hit, self.ends = [], None, []
        self.made = []                          # the names of the calls before the point
        self.said = ""                          # all that the program said on its log
        self.restarts = 0
        self.is_replaced = False
