#!/usr/bin/env python3
"""Whatever stops or dies, what was accepted arrives: queue-send stopped, restarted and killed; every process killed once."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from postern import Instance, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from check import case, equal, expect, finish  # noqa: E402  pylint: disable=wrong-import-position

SENDER = "sender@client.example"


def frame(letter, content=b""):
    return letter + struct.pack(">I", len(content)) + content


def record(letter, value):
    return letter + b"%d:%s," % (len(value), value)


class Injector:
    """A client of queue-anyone: many messages over one connection, as any local user could."""

    def __init__(self, mail):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(mail.dir / "run/queue-anyone/s"))
        self.answers = self.socket.makefile("rb")

    def put(self, message, *recipients):
        envelope = record(b"o", b"l") + record(b"s", SENDER.encode()) + b"".join(record(b"r", r.encode()) for r in recipients)
        self.socket.sendall(frame(b"M", message) + frame(b"E", envelope) + frame(b"C"))
        head = self.answers.read(5)
        text = self.answers.read(struct.unpack(">I", head[1:])[0])
        equal(head[:1], b"Y", f"queue-inject said {text!r}")
        return text.decode()


def message_of(number):
    return b"Subject: %d\n\nbody of %d\n" % (number, number)


def inject_many(mail, numbers, users):
    """Messages of these numbers over four connections, message i to user i modulo their number."""

    def some(first):
        injector = Injector(mail)
        for number in numbers[first::4]:
            injector.put(message_of(number), mail.address(users[number % len(users)]))

    threads = [threading.Thread(target=some, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def numbers_delivered(mail, users):
    return sorted(int(text.split(b"\nSubject: ", 1)[1].split(b"\n", 1)[0]) for user in users for text in mail.messages(user))


def wait_until_all_gone(mail, seconds):
    """For long queues: looks at one file at a time, not at all of them after each change."""
    left = [mail.dir / "queue/todo" / name[-2:] / name for name in mail.queued()]

    def is_empty():
        while left and not left[-1].exists():
            left.pop()
        return not left

    wait_until(is_empty, list((mail.dir / "queue/todo").iterdir()), seconds, lambda: f"an empty queue ({len(left)} left)")


def locals_of(mail):
    return [pid for pid, name in mail.processes().items() if name == "local"]


def stop_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


@case("10,000 messages while queue-send is stopped: all arrive once it goes on", seconds=300)
def _():
    users = [f"u{i}" for i in range(20)]
    with Instance(users=users, settings={"queuescan": "3600"}) as mail:
        sender = mail.service("queue-send")
        pid = sender.pid()
        sender.send_signal(signal.SIGSTOP)
        inject_many(mail, range(10000), users)
        equal(len(mail.queued()), 10000, "in the queue")
        sender.send_signal(signal.SIGCONT)
        wait_until_all_gone(mail, 200)
        equal(numbers_delivered(mail, users), list(range(10000)))
        equal(sender.pid(), pid, "it was not restarted")
        equal(list(mail.dir.glob("state/*/*")), [], "state files left")


@case("queue-send restarted and killed during 1,000 deliveries that take their time: each arrives once", seconds=200)
def _():
    users = [f"u{i}" for i in range(20)]
    with Instance(users=users) as mail:
        sender = mail.service("queue-send")
        for turn in range(5):
            writer = threading.Thread(target=inject_many, args=(mail, range(turn * 200, turn * 200 + 200), users))
            writer.start()
            # Deliveries under way stand still, end while no queue-send lives, and are told to its successor.
            seen = wait_until(lambda: locals_of(mail), [mail.maildir(user) / "new" for user in users], 60, "a delivery")
            stop_all(seen, signal.SIGSTOP)
            if turn % 2:
                sender.restart()
                stop_all(seen, signal.SIGCONT)
            else:
                sender.stop()
                stop_all(seen, signal.SIGCONT)
                sender.start()
            sender.kill_and_wait()
            writer.join()
        wait_until_all_gone(mail, 100)
        equal(numbers_delivered(mail, users), list(range(1000)))


@case("each process killed while messages are on their way: s6 brings it back and all arrive", seconds=200)
def _():
    users = [f"u{i}" for i in range(5)]
    with Instance(users=users) as mail:
        done = 0
        for name in ("queue-send", "queue-clean", "local-spawn", "bounce", "queue-anyone", "local"):
            writer = threading.Thread(target=lambda start=done: [
                Injector(mail).put(message_of(n), mail.address(users[n % 5])) for n in range(start, start + 100)])
            if name == "queue-anyone":  # its clients see it die; what it had accepted is what counts
                ids = [Injector(mail).put(message_of(n), mail.address(users[n % 5])) for n in range(done, done + 100)]
                equal(len(ids), 100)
                mail.service(name).kill_and_wait()
            else:
                writer.start()
                if name == "local":
                    pids = wait_until(lambda: locals_of(mail), [mail.maildir(user) / "new" for user in users], 60, "a delivery")
                    stop_all(pids, signal.SIGSTOP)
                    stop_all(pids, signal.SIGKILL)
                else:
                    mail.service(name).kill_and_wait()
                writer.join()
            done += 100
            mail.wait_for_empty_queue(seconds=60)
            got = numbers_delivered(mail, users)
            equal(sorted(set(got)), list(range(done)), f"after {name} was killed")


@case("queue-inject killed between fsync and datagram: the message arrives without a restart", seconds=120)
def _():
    with Instance(users=("alice",), settings={"queuescan": "1"}) as mail:
        sender = mail.service("queue-send").pid()
        workers = [pid for pid in mail.processes() if b"anyone" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        expect(len(workers) > 1, "queue-inject has processes that wait for a client")
        command = ["strace", "-f", "-e", "trace=sendto", "-e", "inject=sendto:signal=SIGKILL"]
        with subprocess.Popen(command + [word for pid in workers for word in ("-p", str(pid))], stderr=subprocess.PIPE, text=True) as tracer:
            for _ in workers:
                expect("attached" in tracer.stderr.readline(), "strace holds every process of queue-inject")
            name = Injector(mail).put(b"Subject: quiet\n\n", mail.address("alice"))
            lines = []
            while not lines or "killed by SIGKILL" not in lines[-1]:
                lines.append(tracer.stderr.readline())
                expect(lines[-1], f"strace ended: {lines}")
            expect(any(name in line and "sendto(" in line for line in lines), f"killed as it told queue-send: {lines}")
            tracer.terminate()
        mail.wait_for_messages("alice", 1)
        mail.wait_for_empty_queue()
        equal(mail.service("queue-send").pid(), sender, "queue-send was not restarted")


finish()
