"""login_place - auth/login's neighbours, for tests of it: authd, which redeems tickets, and pn-login, which brings them with a client"""
import os
import pathlib
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from check import equal  # noqa: E402
from parts import as_user, netstring, read_record, record, take_fields  # noqa: E402

TICKET = b"0123456789abcdef" * 2


def request(service=b"pop3", ticket=TICKET, option=b"-", offer=b"p"):
    return service.ljust(16) + ticket + option + offer


def ticket_for(name, uid, home, gid=None):
    """authd's answer about a ticket that is good."""
    return record(b"Y" + b"".join(map(netstring, (name.encode(), b"%d" % uid, b"%d" % (uid if gid is None else gid), home.encode()))))


class Authd:
    """Redeems any ticket for the mailbox that it is told, once it has heard a right question. `tickets` has answers for some of them."""

    def __init__(self, parts):
        self.listener = parts.listen("authd-tickets", mode=0o600)
        self.answer, self.heard, self.tickets = None, [], {}
        threading.Thread(target=self.serve, daemon=True).start()

    def mailbox(self, name, uid, home, gid=None):
        self.answer = ticket_for(name, uid, home, gid)

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            with stream:
                try:
                    self.heard.append(take_fields(read_record(stream)))
                    answer = self.tickets.get(self.heard[-1][1][1], self.answer)
                    if answer is None:
                        stream.recv(1)  # until the asker has had enough
                    else:
                        stream.sendall(answer)
                except (EOFError, ConnectionError):  # it ended
                    pass


def session_of(message, words):
    """All that a session says, behind its first words, when its client sends these."""
    held = []
    equal(ask(message, hold=held)[0], b"Y")
    held[0].sendall(words)
    text = b""
    while piece := held[0].recv(1000):
        text += piece
    return text


def ask(message=None, who="pn-login", with_client=True, hold=None):
    """What login answers, b"" for nothing; and the client's first bytes when it was started."""
    here, there = socket.socketpair()
    here.settimeout(20)
    reader, writer = os.pipe()

    def talk():
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(30)
            try:
                stream.connect("run/login/s")
                if with_client:
                    socket.send_fds(stream, [request() if message is None else message], [there.fileno()])
                else:
                    stream.sendall(request() if message is None else message)
                os.write(writer, stream.recv(10))
            except ConnectionError:
                pass

    as_user(who)(talk)
    os.close(writer)
    there.close()
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    greeting = hear(here) if answer == b"Y" else b""
    if hold is not None:
        hold.append(here)
    else:
        here.close()
    return answer, greeting


def hear(client):
    try:
        return client.recv(200)
    except ConnectionError:
        return b""


def children_of(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_children(pid, count):
    """Ends of sessions are heard of by a pidfd each."""
    for child in children_of(pid):
        if len(children_of(pid)) <= count:
            return
        try:
            fd = os.pidfd_open(child)
        except ProcessLookupError:
            continue
        select.select([fd], [], [], 20)
        os.close(fd)
