"""load - clients that send messages which can be told apart, and what of them a disk holds

Message N is the same bytes whenever it is made, so the bytes found are compared, not sums of them.
"""
import pathlib
import random
import re
import smtplib
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent), str(pathlib.Path(__file__).resolve().parent.parent / "e2e")]
import check  # noqa: E402  pylint: disable=wrong-import-position

SENDER = "sender@client.example"
FRAME = re.compile(rb"postern queue file 1: [0-9a-f]{8} ([0-9a-f]{12}) ([0-9a-f]{8}) [0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{8}\n")
FRAME_BYTES = 80
SERIAL = re.compile(rb"^X-Serial: (\d+)\n", re.M)
CLIENTS = 4


def text_of(serial):
    """Message number `serial` as it lies in a queue file: a few hundred bytes to 200 kB."""
    chance = random.Random(serial)
    lines = chance.choice((4, 30, 30, 120, 120, 1000, 3000))
    body = "".join(chance.randbytes(32).hex() + "\n" for _ in range(lines))
    return f"X-Serial: {serial}\nSubject: message {serial}\n\n{body}".encode()


class Clients:
    """SMTP clients at work, each on a kept connection; `acknowledged` holds the serials that were answered with 250."""

    def __init__(self, mail, first_serial):
        self._mail, self._next, self._users = mail, first_serial, sorted(mail.users)
        self.acknowledged, self.trouble = [], []
        self._stopping, self._moved = False, threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]

    def user_of(self, serial):
        return self._users[serial % len(self._users)]

    def _take_serial(self):
        with self._moved:
            self._next += 1
            return self._next

    def _send_some(self, client):
        while not self._stopping:
            serial = self._take_serial()
            client.mail(SENDER)
            client.rcpt(self._mail.address(self.user_of(serial)))
            code, text = client.data(text_of(serial).replace(b"\n", b"\r\n"))
            with self._moved:
                if code == 250:
                    self.acknowledged.append(serial)
                elif code // 100 != 4:
                    raise check.Failure(f"{code} {text!r}")
                self._moved.notify_all()

    def _run(self):
        try:
            with self._mail.smtp() as client:
                client.ehlo()
                self._send_some(client)
        except (OSError, smtplib.SMTPException, check.Failure) as error:
            with self._moved:
                if not self._stopping:
                    self.trouble.append(f"{type(error).__name__}: {error}")
                self._moved.notify_all()

    def after(self, more):
        """What is acknowledged once that is `more` than now."""
        with self._moved:
            target = len(self.acknowledged) + more
            self._moved.wait_for(lambda: len(self.acknowledged) >= target or self.trouble, 60)
            check.equal(self.trouble, [], "clients")
            check.expect(len(self.acknowledged) >= target, "nothing is accepted any more")
            return list(self.acknowledged)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        for thread in self._threads:
            thread.join()


def serial_in(content):
    """(serial, where the message begins); None if there is none."""
    found = SERIAL.search(content)
    return (int(found[1]), found.start()) if found else None


class Holdings:
    """What the queue and the Maildirs below `directory` hold: in_queue, in_maildir {serial: copies}, whole ones only.

    torn_in_queue counts files of the queue that are neither whole nor empty; torn_in_maildir are the paths of such names."""

    def __init__(self, directory):
        self.in_queue, self.in_maildir = {}, {}
        self.torn_in_maildir, torn_in_queue = [], []
        for path in directory.glob("queue/todo/*/*"):
            self._add(path, self.in_queue, torn_in_queue, self._whole_in_queue)
        for path in directory.glob("home/*/Maildir/new/*"):
            self._add(path, self.in_maildir, self.torn_in_maildir, self._whole_in_maildir)
        self.torn_in_queue = sum(path.stat().st_size > 0 for path in torn_in_queue)

    @staticmethod
    def _add(path, whole, torn, serial_of):
        serial = serial_of(path.read_bytes())
        if serial is None:
            torn.append(path)
        else:
            whole[serial] = whole.get(serial, 0) + 1

    @staticmethod
    def _whole_in_queue(content):
        frame, found = FRAME.fullmatch(content[:FRAME_BYTES]), serial_in(content)
        if not frame or not found:
            return None
        serial, start = found
        end = FRAME_BYTES + int(frame[1], 16)
        envelope = content[end:]
        is_whole = (start == FRAME_BYTES and content[start:end] == text_of(serial) and len(envelope) == int(frame[2], 16)
                    and b"s%d:%s," % (len(SENDER), SENDER.encode()) in envelope)
        return serial if is_whole else None

    @staticmethod
    def _whole_in_maildir(content):
        found = serial_in(content)
        return found[0] if found and content[found[1]:] == text_of(found[0]) else None

    def lost(self, acknowledged):
        return [serial for serial in acknowledged if serial not in self.in_queue and serial not in self.in_maildir]
