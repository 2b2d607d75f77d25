#!/usr/bin/env python3
"""A million queued messages fit in 512 MB: what queue-send takes for some thousands, each for a mailbox of its own, scaled up.

    tests/send/memory_check.py [MESSAGES]      with 1000000 nothing is scaled; it takes minutes and 4 GB of disk
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from sending import Sending  # noqa: E402
from check import case, equal, expect, finish  # noqa: E402
from parts import DIGITS, envelope  # noqa: E402

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
MILLION = 1_000_000
MOST = 512 << 20
TABLE = []
for index in range(256):
    value = index
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(text):
    crc = 0xFFFFFFFF
    for byte in text:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def base32(number, digits):
    return "".join(DIGITS[number >> 5 * i & 31] for i in reversed(range(digits)))


def queue_file(message, lines, message_crc):
    frame = b"postern queue file 1: 00000001 %012x %08x %08x %08x " % (len(message), len(lines), message_crc, crc32c(lines))
    return frame + b"%08x\n" % crc32c(frame) + message + lines


def fill():
    message = b"Subject: x\n\nhello\n"
    message_crc = crc32c(message)
    now = int(time.time() * 1e6)
    for number in range(COUNT):
        name = base32(now + number, 11) + base32(number * 0x9E3779B1 & 0xFFFFFFFFFF, 8)
        lines = envelope("me@mini.example", [f"mailbox-{number}@mini.example"])
        file = os.open(f"queue/todo/{name[-2:]}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(file, queue_file(message, lines, message_crc))
        os.close(file)


def memory_of(pid, what):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"{what}:\s+(\d+) kB", status.read()).group(1)) << 10


@case(f"{COUNT} messages, each for a mailbox of its own", seconds=1200)
def _():
    with Sending(starts=False, concurrencylocal="0") as q:
        q.start()
        q.sender.wait_log("event=looked-through messages=0")
        empty = memory_of(q.sender.process.pid, "VmHWM")
        q.halt()
        fill()
        start = time.monotonic()
        q.sender = q.serve("queue-send", ["send/queue-send"], user="pn-send", listener=q.notifications)
        found = q.sender.wait_log(r"event=looked-through messages=([1-9]\d*)", 600)
        seconds = time.monotonic() - start
        equal(int(found.group(1)), COUNT)
        most = memory_of(q.sender.process.pid, "VmHWM")
        million = empty + (most - empty) * MILLION // COUNT
        print(f"  {COUNT} messages: {most >> 20} MiB at most, taken up in {seconds:.1f} s; a million: {million >> 20} MiB")
        expect(million <= MOST, f"a million would take {million >> 20} MiB")


finish()
