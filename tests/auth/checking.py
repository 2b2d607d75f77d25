"""checking - authd's side of check-spawn and shadow-spawn, for tests (doc/protocols.md)"""
import collections
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from parts import netstring, read_record, record, take_fields  # noqa: E402

Answer = collections.namedtuple("Answer", "kind number text")


def question(login, password, number=1, service="pop3", client="192.0.2.1", uid=1000):
    fields = [b"%d" % number, login, password, service.encode(), client.encode(), b"%d" % uid]
    return record(b"C" + b"".join(netstring(field) for field in fields))


def answer(stream):
    letter, fields = take_fields(read_record(stream))
    return Answer(letter.decode(), int(fields[0]), fields[1].decode() if len(fields) > 1 else "")


def ask(stream, login, password, **more):
    stream.sendall(question(login, password, **more))
    return answer(stream)


def ask_once(mail, service, login=b"alice", password=b"secret", **more):
    """Of an instance's check-spawn or shadow-spawn, as authd."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(60)
        stream.connect(str(mail.dir / "run" / service / "s"))
        return ask(stream, login, password, **more)


def processes_with(words):
    """Those whose command line is these words."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline") as line:
                    if line.read().split("\0")[:-1] == words.split():
                        found.append(int(name))
            except OSError:
                pass
    return found
