"""clients - the ways into the queue: a socket of queue-inject, an SMTP session, a shell

Each gives whether the message was acknowledged, and its ID or the words of the refusal.
"""
import os
import pwd
import re
import socket
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "smtpd"))
from parts import BUILD, Parts, envelope, inject  # noqa: E402
from played import Played, plain  # noqa: E402

POINTS = os.path.join(BUILD, "tests/points/points")


class Clients(Parts):
    """What World can send with."""

    report_path = ""  # where points writes to

    @staticmethod
    def fill(prefix, report, user):
        """points' own arguments"""
        if not prefix:
            return []
        role, begin, action = prefix
        entry = pwd.getpwnam(user) if user else None
        return [POINTS, str(report), role, begin, action, str(entry.pw_uid if entry else 0), str(entry.pw_gid if entry else 0)]

    def start_traced(self, words, user, prefix, environment, **descriptors):
        report = os.open(self.report_path, os.O_WRONLY | os.O_APPEND)
        entry = pwd.getpwnam(user)
        words = [self.program(words[0]), *words[1:]]
        if prefix:
            words = self.fill(prefix, report, user) + words
            who = {}
        else:
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with open(f"log/{os.path.basename(words[0] if not prefix else words[7])}", "ab") as log:
            process = subprocess.Popen(words, env=environment, stderr=log, start_new_session=True, pass_fds=[report], **who, **descriptors)
        os.close(report)
        return process

    def queue_directly(self, message):
        """Through queue-inject's `anyone`."""
        try:
            with self.connect("queue-anyone") as stream:
                letter, text = inject(stream, message.text, envelope(message.sender, message.recipients))
        except (EOFError, OSError) as error:
            return False, f"! {error}"
        return letter == b"Y", text.decode() if letter == b"Y" else letter.decode() + " " + text.decode()

    def by_submission(self, message, prefix):
        """Through an smtpd for those who log in; tlsd, authd and countd are played."""
        with Played(self) as played:
            for name in ("tlsd", "authd", "countd"):
                os.chmod(f"run/{name}", 0o755)
                os.chmod(f"run/{name}/s", 0o666)
            begin = [b"EHLO client.example\r\n", b"STARTTLS\r\n", b"EHLO client.example\r\n", plain(b"alice", b"pass")]
            try:
                return self.by_smtp(message, prefix, ("submission", "pn-submit", begin))
            finally:
                os.unlink("tls/certs/here.example.pem")
                played.tlsd.let_go.set()

    def by_smtp(self, message, prefix, service=None):
        """Through an smtpd of its own."""
        word, user, begin = service or (None, "pn-smtp", [b"EHLO client.example\r\n"])
        ours, theirs = socket.socketpair()
        environment = {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEPORT": "1025", "TCPLOCALIP": "192.0.2.2", "TCPLOCALPORT": "25"}
        process = self.start_traced(["smtpd/smtpd", *([word] if word else [])], user, prefix, environment, stdin=theirs, stdout=theirs)
        theirs.close()
        result = converse(ours, message, begin)
        process.wait(20)
        return result

    def by_inject(self, message, prefix):
        reader, writer = os.pipe()
        with open("message", "wb") as file:
            file.write(message.text)
        with open("message", "rb") as file:
            words = ["inject/inject", "-v", "-f", message.sender, *message.recipients]
            process = self.start_traced(words, "nobody", prefix, {"POSTERN_DIR": self.path}, stdin=file, stdout=writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            text = answer.read().decode().strip()
        code = process.wait(20)
        return code == 0, text if code == 0 and len(text) == 19 else "" if code == 0 else f"exit {code}"


def converse(stream, message, begin=(b"EHLO client.example\r\n",)):
    """An SMTP session with one message; (acknowledged, ID or the last reply)."""
    stream.settimeout(10)
    replies = stream.makefile("rb")

    def reply():
        while True:
            line = replies.readline()
            if line[3:4] != b"-":
                return line.decode("latin-1").strip()

    said = ""
    with stream:
        try:
            said = reply()
            steps = [*begin, b"MAIL FROM:<%s>\r\n" % message.sender.encode()]
            steps += [b"RCPT TO:<%s>\r\n" % recipient.encode() for recipient in message.recipients] + [b"DATA\r\n"]
            for step in steps:
                if said[:1] not in ("2", "3"):
                    return False, said
                stream.sendall(step)
                said = reply()
            if said[:3] != "354":
                return False, said
            stream.sendall(message.text.replace(b"\n", b"\r\n") + b".\r\n")
            said = reply()
            if said[:3] != "250":
                return False, said
            identity = re.search(r"[0-9a-v]{19}", said)
            try:
                stream.sendall(b"QUIT\r\n")
                reply()
            except OSError:
                pass
            return True, identity[0] if identity else ""
        except OSError as error:
            return False, f"! {error}"
