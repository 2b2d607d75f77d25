#!/usr/bin/env python3
"""process_check - every running process is what its row of the manifest says: uid, capabilities, filter (from /proc)"""
import os
import pathlib
import poplib
import pwd
import re
import socket
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent), str(pathlib.Path(__file__).parent.parent / "remote")]
from check import case, equal, expect, finish
from postern import Instance, root
from remoting import Peer

rows = dict(re.findall(r'\{\.name = "([a-z0-9-]+)",\s*\.account = Account::(\w+)', (root / "lib/os/manifest.h").read_text()))
services = {"tcplisten", "smtpd", "queue-inject", "queue-clean", "queue-send", "dnsqd", "bounce", "local-spawn", "local", "remote-spawn", "remote", "queue-desk", "countd", "check-spawn", "shadow-spawn", "authd", "tlskeyd", "tlsd", "login",
            "pop3-login", "pop3d"}
helpers = {"s6-fdholderd": "pn-hold", "s6-log": "pn-log"}  # s6's own that serve an instance


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


SECOND = {"tlsd": "tlsc", "tcplisten": "submit login", "smtpd": "submit"}  # the row's account, or that of those who log in


def check_status(account, status):
    if account == "root":
        uid = 0
    elif account == "mailbox":
        uid = os.stat(mail.maildir("alice").parent).st_uid
        expect(uid >= 1_900_000_000, f"uid {uid}")
    else:
        uids = {pwd.getpwnam(f"pn-{one}").pw_uid for one in account.split()}
        uid = int(status["Uid"].split()[0])
        expect(uid in uids, f"uid {uid}")
    equal(status["Uid"].split(), [str(uid)] * 4, "Uid")
    equal(status["Seccomp"], "2", "Seccomp")
    equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    if account == "root":
        return
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        equal(int(status[kind], 16), 0, kind)
    expect("0" not in status["Gid"].split() + status["Groups"].split(), f"root's group: {status['Gid']}, {status['Groups']}")


other = Peer("127.0.0.2")
with Instance(users=("alice",), settings={"smtpport": str(other.port)}) as mail, mail.smtp() as held_open, \
        socket.create_connection((mail.host, int((mail.dir / "service/submission/env/PORT").read_text())), timeout=60) as submission:
    held_open.ehlo()
    expect(submission.recv(4) == b"220 ", "no greeting on the port for submission")
    before_login, in_session = (poplib.POP3(mail.host, int(mail.env["POP3_PORT"]), timeout=30) for _ in range(2))
    in_session.user("alice")
    in_session.pass_("secret")
    mail.inject("x@[127.0.0.2]", message=b"Subject: makes a remote run\n\n")
    mail.wait_for_empty_queue()
    mail.send("alice", b"Subject: makes a local run\r\n\r\n")
    mail.wait_for_messages("alice", 1)
    seen = {pid: (name, status_of(pid)) for pid, name in mail.processes().items()}  # local stays a second, remote five

    @case("nothing runs that is not in the manifest")
    def _():
        equal({name for name, _ in seen.values()} - set(rows), set())

    for name in sorted(services):
        account = " ".join(filter(None, (rows[name], SECOND.get(name))))

        @case(f"{name}: as {account}, no capability, no new privileges, filtered")
        def _():
            statuses = [status for program, status in seen.values() if program == name]
            expect(statuses, "it does not run")
            for status in statuses:
                check_status(account, status)

    for name, others in sorted(SECOND.items()):
        accounts = [rows[name], *others.split()]

        @case(f"{name} runs as each of {', '.join(accounts)}")
        def _():
            uids = {status["Uid"].split()[0] for program, status in seen.values() if program == name}
            equal({str(pwd.getpwnam(f"pn-{one}").pw_uid) for one in accounts}, uids)

    @case("the table has two root processes that start others, local-spawn and login")
    def _():
        equal({name for name, status in seen.values() if status["Uid"].startswith("0\t")}, {"local-spawn", "login"})

    @case("s6's own: logs and held sockets are not root's either")
    def _():
        found = set()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                name = pathlib.Path(os.readlink(entry / "exe")).name
                if name not in helpers or os.readlink(entry / "cwd") != str(mail.dir):
                    continue
            except OSError:
                continue
            status = status_of(entry.name)
            equal(status["Uid"].split(), [str(pwd.getpwnam(helpers[name]).pw_uid)] * 4, name)
            equal(int(status["CapEff"], 16), 0, name)
            found.add(name)
        equal(found, set(helpers))

finish()
