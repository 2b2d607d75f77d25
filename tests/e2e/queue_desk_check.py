#!/usr/bin/env python3
"""queue_desk_check - operators who are not root see and steer the queue: hold, release, delete, flush, pause, resume, over restarts"""
import grp
import json
import os
import pathlib
import pwd
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import Instance

OPERATOR, STRANGER = 47_001, 65_534
HOSTILE = b"\x1b]0;owned\x07\xc2\x9b2J\xc3\xbc"


class Operator:
    """Somebody without any right but the group's."""

    def __init__(self, uid=OPERATOR, groups=("pn-operators",)):
        self.uid, self.groups = uid, [grp.getgrnam(name).gr_gid for name in groups]

    def run(self, *words, given=b""):
        return subprocess.run([str(mail.dir / "bin/postern"), "queue", *words], input=given, capture_output=True, check=False, cwd="/",
                              user=self.uid, group=65_534, extra_groups=self.groups,
                              env={"POSTERN_DIR": str(mail.dir), "PATH": os.environ["PATH"]})

    def must(self, *words, given=b"", code=0):
        done = self.run(*words, given=given)
        equal(done.returncode, code, f"{' '.join(words)}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def json(self, *words, code=0):
        return json.loads(self.must(*words, "--json", code=code))


def send(user, subject=b"x", sender="sender@client.example"):
    return mail.send(user, b"Subject: " + subject + b"\r\n\r\nhello\r\n", sender)[1].decode().split()[-1]


def sent(*arguments):
    """A message whose ID its 250 reply gives."""
    text = send(*arguments)
    (name,) = [name for name in mail.queued() if name in text] or [text]
    return name


def outcomes(*words, code=0):
    return {one.get("id", one.get("what")): one["outcome"] for one in operator.json(*words, code=code)}


def queued():
    return {one["id"]: one for one in operator.json("list")}


def restart():
    mail.service("queue-send").kill_and_wait()


def halt(number):
    (mail.dir / "control/concurrencylocal").write_text(f"{number}\n")
    mail.service("queue-send").send_signal(1)
    mail.wait_for_log("queue-send", rf"(?s)event=settings concurrencylocal={number} (?!.*event=settings concurrencylocal)")


with Instance(users=("alice", "bob"), domains=("here.example", "there.example"), settings={"concurrencylocal": "0"}) as mail:
    operator = Operator()

    @case("who is not in the group is refused, and told what it takes")
    def _():
        for groups in ((), ("pn-clients",), ("pn-send",)):
            done = Operator(STRANGER, groups).run("list")
            equal((done.returncode, done.stdout), (100, b""))
            contains(done.stderr, b"pn-operators")
        equal(operator.must("list"), "")
        equal(pwd.getpwnam("pn-desk").pw_uid, os.stat(f"/proc/{mail.service('queue-desk').pid()}").st_uid)

    @case("an operator sees what strangers sent, and it does no harm")
    def _():
        with mail.smtp() as client:
            client.ehlo()
            client.command_encoding = "utf-8"
            client.docmd("MAIL FROM:<b\u00fc\u009b@client.example> SMTPUTF8")
            client.rcpt("alice@here.example")
            client.data(b"Subject: " + HOSTILE + b"\r\n\r\n" + HOSTILE + b"\r\n")
        name = sent("alice", HOSTILE)
        for words in (["list"], ["why"], ["show", name, "--envelope"]):
            text = operator.must(*words)
            expect(not [c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"], repr(text))
        equal(operator.json("show", name)["header"].splitlines()[-2], "Subject: " + HOSTILE.decode("latin-1"))
        contains(operator.must("show", name, "--body"), "hello")
        contains(operator.must("why", name), "local deliveries are halted")
        outcomes("delete", "--all")
        equal(queued(), {})

    @case("held: over a restart, through a flush, until it is released; the state says who did it")
    def _():
        held, other = sent("alice", b"held"), sent("bob", b"other")
        equal(outcomes("hold", held), {held: "held"})
        state = (mail.dir / "state" / held[-2:] / held).read_text()
        expect(state.startswith(f"held {OPERATOR} "), state)
        equal(outcomes("hold", held), {held: "was held"})
        restart()
        equal((queued()[held]["mark"], queued()[held]["mark_uid"], queued()[other]["mark"]), ("held", OPERATOR, None))
        halt(20)
        mail.wait_for_messages("bob", 1)
        operator.must("flush")
        equal(outcomes("flush", held, code=100), {held: "failed"})
        restart()
        contains(operator.must("why", held), "held by the operator")
        equal(mail.messages("alice"), [])
        equal(outcomes("release", held), {held: "released"})
        contains(mail.wait_for_messages("alice", 1)[0], b"Subject: held")
        mail.wait_for_empty_queue()
        expect(not [name for _, _, names in os.walk(mail.dir / "state") for name in names if len(name) == 19], "a state is left")
        halt(0)

    @case("deleted: gone with its state, no bounce, and the log says by whom")
    def _():
        names = [sent("alice", b"%d" % i, f"s{i % 2}@client.example") for i in range(6)]
        equal(outcomes("delete", names[0]), {names[0]: "deleted"})
        mail.wait_for_log("queue-send", rf"event=order verb=delete id={names[0]} uid={OPERATOR} outcome=done")
        equal(outcomes("delete", "--sender", "s1@client.example"), dict.fromkeys(names[1::2], "deleted"))
        equal(outcomes("hold", names[2]), {names[2]: "held"})
        equal(outcomes("delete", names[2]), {names[2]: "deleted"})
        equal(outcomes("delete", names[2], names[0], code=100), {names[2]: "unknown", names[0]: "unknown"})
        equal(mail.queued(), names[4:5])
        line = operator.must("delete", "-", given=operator.must("list").encode())
        expect(line.startswith(f"deleted     {names[4]}  <s0@client.example>  1 recipient, "), line)
        restart()
        equal((queued(), mail.queued()), ({}, []))
        expect("event=bounce" not in mail.log("queue-send"), "a bounce")

    @case("chosen by age, recipient and domain, while others stay")
    def _():
        here, there = sent("alice@here.example"), sent("bob@there.example")
        equal(outcomes("hold", "--domain", "there.example"), {there: "held"})
        equal(outcomes("hold", "--recipient", "alice@here.example", "--younger", "1h"), {here: "held"})
        equal(outcomes("delete", "--older", "1h"), {})
        equal(outcomes("release", "--all"), {here: "released", there: "released"})
        equal(outcomes("delete", "--recipient", "@there.example"), {there: "deleted"})
        equal(outcomes("delete", "--all"), {here: "deleted"})

    @case("paused: local, all and one domain, over restarts, until resumed")
    def _():
        equal(outcomes("pause", "there.example"), {"@there.example": "paused"})
        equal(outcomes("pause", "local"), {"local": "paused"})
        equal(outcomes("pause", "local"), {"local": "was paused"})
        halt(20)
        here, there = sent("alice@here.example", b"here"), sent("bob@there.example", b"there")
        restart()
        equal([(one["what"], one["uid"]) for one in operator.json("pauses")], [("@there.example", OPERATOR), ("local", OPERATOR)])
        contains(operator.must("why", here), "local deliveries are paused")
        equal(outcomes("resume", "local"), {"local": "resumed"})
        mail.wait_for_messages("alice", 2)
        restart()
        operator.must("flush")
        equal(set(queued()), {there})
        contains(operator.must("why", there), "paused by the operator")
        equal(outcomes("pause", "all"), {"all": "paused"})
        equal(outcomes("resume", "@There.example"), {"@there.example": "resumed"})
        equal(set(queued()), {there})
        equal(outcomes("resume", "local"), {"local": "not paused"})
        equal(outcomes("resume", "all"), {"all": "resumed"})
        mail.wait_for_messages("bob", 2)
        restart()
        equal(operator.json("pauses"), [])
        done = operator.run("pause", "not a domain")
        equal(done.returncode, 100)

    @case("a broken file is listed, and goes when it is deleted")
    def _():
        halt(0)
        name = sent("alice")
        path = mail.dir / "queue/todo" / name[-2:] / name
        path.write_bytes(path.read_bytes()[:-1])
        restart()
        mail.wait_for_log("queue-clean", rf"event=broken id={name}")
        equal((queued()[name]["place"], outcomes("hold", name, code=100)), ("broken", {name: "broken"}))
        equal(outcomes("delete", name), {name: "deleted"})
        equal(list((mail.dir / "queue/broken").iterdir()), [])

    @case("verify finds nothing wrong while mail comes in and goes, and finds a byte that is")
    def _():
        halt(20)
        told = [operator.run("verify")]
        for i in range(60):
            sent(("alice", "bob")[i % 2])
            if i % 10 == 0:
                told.append(operator.run("verify"))
        equal({one.returncode for one in told}, {0}, str([one.stdout for one in told]))
        mail.wait_for_empty_queue()
        halt(0)
        name = sent("alice")
        path = mail.dir / "queue/todo" / name[-2:] / name
        text = path.read_bytes()
        path.write_bytes(text.replace(b"hello", b"hallo"))
        (finding,) = operator.json("verify", code=100)
        equal(finding["id"], name)
        path.write_bytes(text)
        contains(operator.must("verify"), "1 message looked at: everything fits together")
        operator.must("delete", name)

    @case("many at once: held and deleted in one go, while more come in")
    def _():
        names = {sent("alice", b"%d" % i) for i in range(250)}
        equal(outcomes("hold", "--all"), dict.fromkeys(names, "held"))
        more = sent("bob")
        equal(outcomes("delete", *sorted(names)), dict.fromkeys(names, "deleted"))
        equal(list(queued()), [more])
        halt(20)
        mail.wait_for_empty_queue()


finish()
