"""scenarios - one message through each program, for tests/crash and tests/fault

A new program joins by a line in SCENARIOS: its service (None: it is started for the message), which of its processes is
meant and where counting begins (points.cc), and how the message is sent. `may_repeat` gets the names of the calls that were
made before the point, and says why a second copy is right there, which is as doc/queue.md says: the outcome was lost after the
delivery and before whoever waits for it heard of it, or before it was written down.
"""
import pwd
import re
import socket

from clients import converse
from message import Message
from orders import delete, hold_and_release


class Scenario:
    def __init__(self, name, service, role, begin, send, recipients=("alice@mini.example",), sends_first=False, lines=1100,
                 is_whole=None, sender="sender@client.example", copies=None, may_repeat=None, patience=0.25, is_counted=False):
        self.name, self.service, self.role, self.begin, self._send = name, service, role, begin, send
        self.recipients, self.sends_first, self.lines, self.sender = recipients, sends_first, lines, sender
        self.is_whole = is_whole or (lambda content, message: content.endswith(message.body))
        self.mailboxes = ("alice",) if copies is None else copies  # where a copy has to come
        self.is_counted = is_counted  # the mailbox with a quota, for want of a maildirsize
        self.patience = patience  # seconds without any change until what waits is flushed
        self.may_repeat = may_repeat or (lambda made: None)

    def message(self, number):
        return Message(number, self.recipients, self.sender, self.lines)

    def send(self, world, message, prefix):
        return self._send(world, message, prefix)


def queue(world, message, _):
    return world.queue_directly(message)


def smtp(world, message, prefix):
    return world.by_smtp(message, prefix)


def submission(world, message, prefix):
    message.text = message.text.replace(b"sender@client.example", message.sender.encode())
    return world.by_submission(message, prefix)


def shell(world, message, prefix):
    return world.by_inject(message, prefix)


def tcp(world, message, _):
    """A client of tcplisten; when that ends before it took the connection, the next one takes it."""
    with socket.create_connection(world.port_listener.getsockname()) as stream:
        return converse(stream, message)


def is_bounce(content, message):
    """A report on the message, with all of it, and its own last line."""
    boundary = re.search(rb'boundary="?([^"\n;]+)', content)
    return boundary is not None and message.body in content and content.endswith(b"--" + boundary[1] + b"--\n")


def delivered_unreported(made):
    """local: the name in new/ is there, and the report was not written."""
    if "linkat" in made and "writev" not in made[made.index("linkat"):]:
        return "local had delivered, and its report was not on the way yet"
    return None


def delivered_with_quota(made):
    """local: likewise; the link in front of the last one may be that of maildirsize."""
    if "linkat" in made and "writev" not in made[len(made) - made[::-1].index("linkat"):]:
        return delivered_unreported(["linkat"])
    return None


def spawner_gone(made):
    """local-spawn, remote-spawn: the order went to its child, and the child's report not to queue-send."""
    if "vfork" in made and made[made.index("vfork"):].count("sendmsg") == 1:
        return "the delivery goes on, and nobody hears its report"
    return None


def relayed_unreported(made):
    """remote: EHLO, MAIL, RCPT, DATA, the message and its dot were sent, and the report was not written."""
    sent = [at for at, name in enumerate(made) if name == "sendmsg"]
    if len(sent) == 6 and "writev" not in made[sent[5]:]:
        return "the other host had the message, and the report was not on the way yet"
    return None


def relayed_over_tls_unreported(made):
    """remote: likewise; besides STARTTLS, the socket to tlsd, and EHLO again."""
    sent = [at for at, name in enumerate(made) if name == "sendmsg"]
    if len(sent) == 9 and "writev" not in made[sent[8]:]:
        return "the other host had the message, and the report was not on the way yet"
    return None


def spawner_gone_over_tls(made):
    """remote-spawn: the order and the connection to tlsd went to its child, and the child's report not to queue-send."""
    if "vfork" in made and made[made.index("vfork"):].count("sendmsg") in (1, 2):
        return "the delivery goes on, and nobody hears its report"
    return None


def bounce_untold(made):
    """bounce: the report went to queue-inject, and the answer not to queue-send."""
    return "the bounce was in the queue, and queue-send had not heard so" if made.count("sendmsg") == 1 else None


def bounce_unwritten(made):
    """queue-send: local-spawn has the delivery, queue-clean the failure, bounce was asked, and its answer was not written down."""
    sent = [at for at, name in enumerate(made) if name == "sendmsg"]
    if len(sent) > 2 and ("openat", "write") not in zip(made[sent[2]:], made[sent[2] + 1:]):
        return "bounce was asked, and that it had done it was not written down yet"
    return None


GONE = {"copies": (), "is_whole": lambda content, message: False}  # no copy may come
QUOTA = {"recipients": ("quinn@mini.example",), "copies": ("quinn",)}  # to a mailbox with a quota
FAR = {"recipients": ("carol@far.example",), "copies": ("elsewhere",)}  # to another host (host.py)
FAR_TLS = {"recipients": ("carol@fartls.example",), "copies": ("elsewhere",)}  # which offers TLS

SCENARIOS = [
    Scenario("tcplisten", "tcplisten", "main", "ready", tcp),
    Scenario("tcplisten, starting smtpd", "tcplisten", "fork", "ready", tcp),
    Scenario("smtpd", None, "main", "birth", smtp),
    Scenario("smtpd, a submission", None, "main", "birth", submission, sender="alice@mini.example", **QUOTA),
    Scenario("inject", None, "main", "birth", shell),
    Scenario("queue-inject", "queue-anyone", "fork", "accept", queue),
    Scenario("queue-inject, the parent", "queue-anyone", "main", "ready", queue),
    Scenario("queue-clean", "queue-clean", "main", "ready", queue),
    Scenario("queue-clean, starting", "queue-clean", "main", "birth", queue, sends_first=True),
    Scenario("queue-send", "queue-send", "main", "told", queue, recipients=("alice@mini.example", "bob@mini.example"), copies=("alice", "bob")),
    Scenario("queue-send, starting", "queue-send", "main", "birth", queue, sends_first=True),
    Scenario("queue-send, a failed recipient", "queue-send", "main", "told", queue, recipients=("nobody@mini.example",),
             sender="alice@mini.example", lines=10, is_whole=is_bounce, may_repeat=bounce_unwritten, patience=0.75),
    Scenario("queue-send, an operator holds, pauses, resumes, releases", "queue-send", "main", "told", hold_and_release),
    Scenario("queue-send, an operator deletes", "queue-send", "main", "told", delete, **GONE),
    Scenario("queue-clean, an operator deletes", "queue-clean", "main", "ready", delete, **GONE),
    Scenario("bounce", "bounce", "fork", "accept", queue, recipients=("nobody@mini.example",), sender="alice@mini.example", lines=10,
             is_whole=is_bounce, may_repeat=bounce_untold, patience=0.75),
    Scenario("local-spawn", "local-spawn", "main", "ready", queue, may_repeat=spawner_gone),
    Scenario("local-spawn, becoming the user", "local-spawn", "fork", "ready", queue),
    Scenario("queue-send, to another host", "queue-send", "main", "told", queue, **FAR),
    Scenario("remote-spawn", "remote-spawn", "main", "ready", queue, **FAR, may_repeat=spawner_gone),
    Scenario("remote-spawn, starting remote", "remote-spawn", "fork", "ready", queue, **FAR),
    Scenario("remote", "remote-spawn", "exec", "birth", queue, **FAR, may_repeat=relayed_unreported),
    Scenario("remote-spawn, to a host with TLS", "remote-spawn", "main", "ready", queue, **FAR_TLS, may_repeat=spawner_gone_over_tls),
    Scenario("remote, over TLS", "remote-spawn", "exec", "birth", queue, **FAR_TLS, may_repeat=relayed_over_tls_unreported),
    Scenario("local", "local-spawn", "exec", "birth", queue, may_repeat=delivered_unreported),
    Scenario("local, a mailbox with a quota", "local-spawn", "exec", "birth", queue, **QUOTA, may_repeat=delivered_with_quota),
    Scenario("local, a mailbox that is counted", "local-spawn", "exec", "birth", queue, **QUOTA, may_repeat=delivered_with_quota, is_counted=True),
]
