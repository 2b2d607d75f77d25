#!/usr/bin/env python3
"""queue-send, queue-clean and bounce as real processes, confined and under their own uids; the test is local-spawn."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from sending import Sending, shared  # noqa: E402
from check import case, contains, equal, expect, finish  # noqa: E402
from parts import as_user, envelope, inject  # noqa: E402

NO_MAILBOX = "5.1.1 no mailbox here by that name"


@case("one recipient that succeeds at once: a request with the file, and nothing is left")
def _():
    with shared() as q:
        name = q.put("Alice@mini.example")
        request = q.spawner.request()
        equal((request.id, request.index, request.name, request.recipient), (name, "0", "alice", "Alice@mini.example"))
        equal(request.message, b"Subject: x\n\nhello\n")
        q.spawner.say(b"K", request, "2.0.0 delivered")
        q.wait_done(name)
        q.spawner.wait_forgotten(request)
        contains(q.sender.log(), f"event=delivery id={name} recipient=Alice@mini.example outcome=delivered text=2.0.0\\x20delivered ms=")
        equal(os.listdir("state"), ["lock"])


@case("400 messages for 50 mailboxes: each asked for once, never more at once than the limits")
def _():
    with shared(concurrencylocal="15", concurrencymailbox="4") as q:
        done = q.sender.log().count("event=done")
        with q.connect("queue-anyone") as stream:
            for number in range(400):
                equal(inject(stream, b"%d\n" % number, envelope("me@mini.example", [f"u{number % 50}@mini.example"]))[0], b"Y")
        running, seen = [], set()
        while len(seen) < 400 or running:
            for request in q.spawner.waiting() if running else [q.spawner.request()]:
                expect((request.id, request.index) not in seen, "asked for twice")
                seen.add((request.id, request.index))
                running.append(request)
                expect(len(running) <= 15, "more than concurrencylocal at once")
                expect(sum(other.name == request.name for other in running) <= 4, "more than concurrencymailbox at once")
            if running:
                q.spawner.say(b"K", running.pop(0), "2.0.0 ok")
        q.wait_lines("event=done", done + 400)
        equal(q.queued(), {})


@case("concurrencylocal 0 halts, and a new limit counts without a restart")
def _():
    with shared(concurrencylocal="0") as q:
        name = q.put("alice@mini.example")
        q.round_trip()
        expect(q.spawner.is_quiet(), "nothing is asked for")
        q.control("concurrencylocal", "1\n")
        q.hup()
        request = q.spawner.request()
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(name)


@case("a setting that is wrong changes nothing and is named in the log")
def _():
    with shared() as q:
        q.control("concurrencylocal", "many\n")
        q.hup()
        contains(q.sender.log(), "control/concurrencylocal effect=the\\x20old\\x20ones\\x20stay")
        name = q.put("alice@mini.example")
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.wait_done(name)


@case("a failure that may pass: a line in the state, tried again by flush, by ID or all")
def _():
    with shared() as q:
        name = q.put("alice@mini.example")
        other = q.put("bob@mini.example")
        for request in q.spawner.requests(2):
            q.spawner.say(b"Z", request, "4.2.2 over quota")
            q.spawner.wait_forgotten(request)
        word, index, when, tries, again, text = q.state(name).split()
        equal((word, index, tries, text), ("deferred", "0", "1", "4.2.2\\x20over\\x20quota"))
        equal(int(again) - int(when), 300)
        q.tell("F" + name)
        request = q.spawner.request()
        equal(request.id, name)
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(name)
        q.tell("F")
        request = q.spawner.request()
        equal(request.id, other)
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(other)


@case("control/retryschedule says when")
def _():
    with Sending(retryschedule="1") as q:
        name = q.put("alice@mini.example")
        start = time.monotonic()
        for _ in range(2):
            q.spawner.say(b"Z", q.spawner.request(), "4.2.2 over quota")
        request = q.spawner.request()
        expect(1.8 < time.monotonic() - start < 10, f"two seconds, and it was {time.monotonic() - start}")
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(name)


@case("queuelifetime: then a failure that may pass is one for good, with the last reason")
def _():
    with Sending(queuelifetime="0") as q:
        name = q.put("alice@mini.example")
        q.spawner.say(b"Z", q.spawner.request(), "4.2.2 over quota")
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        q.wait_done(name)
        status = list(report.mail().iter_parts())[1].get_payload()[1]
        equal(status["Status"], "4.4.7")
        contains(status["Diagnostic-Code"], "4.2.2 over quota")


@case("mail for other hosts waits for its try, and goes home once its domain is ours")
def _():
    with shared() as q:
        name = q.put("you@far.example")
        q.remote.say(b"Z", q.remote.request(), "4.7.1 mx.far.example[192.0.2.1] said: 450 4.7.1 greylisted", b"m")
        q.sender.wait_log(f"event=delivery id={name} recipient=you@far.example outcome=deferred text=4.7.1")
        expect(q.spawner.is_quiet(), "local-spawn is not asked")
        contains(q.state(name), "4.7.1")
        q.control("locals", "mini.example\nfar.example\n")
        q.hup()
        q.tell("F" + name)
        request = q.spawner.request()
        equal(request.name, "you")
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(name)


@case("a file of control/ that a tool replaces counts for the next message, though nobody tells of it")
def _():
    with shared() as q:
        for number in range(5):
            q.control("virtualdomains.new", f"new{number}.example:shop\n")
            os.rename("control/virtualdomains.new", "control/virtualdomains")
            name = q.put(f"you@new{number}.example")  # of a local user: mail for other hosts is passed on
            request = q.spawner.request()
            equal((request.id, request.name), (name, "shop-you"))
            q.spawner.say(b"K", request, "2.0.0 ok")
            q.wait_done(name)
        os.unlink("control/virtualdomains")
        q.hup()


@case("what port 25 took for a domain that is not ours is never passed on: 5.7.1, and the sender is told")
def _():
    with Sending() as q:
        def as_smtpd():
            with q.connect("queue-trusted") as stream:
                for recipient in ("you@far.example", "you@backup.example"):
                    letter, text = inject(stream, b"\n", envelope("me@mini.example", [recipient], origin=b"i"))
                    equal(letter, b"Y", text)

        q.control("rcpthosts", "backup.example\n")
        q.hup()
        as_user("pn-smtp")(as_smtpd)
        q.sender.wait_log("recipient=you@far.example outcome=failed text=5.7.1")
        equal(q.remote.request().destination, "backup.example")
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        contains(report.message, b"Status: 5.7.1")


@case("a file that is no queue file goes to broken/, with a line; a withdrawn one goes quietly")
def _():
    with Sending() as q:
        good = q.put("alice@mini.example")
        q.spawner.request()
        with open(f"queue/todo/{good[-2:]}/{good}", "rb") as file:
            whole = file.read()
        q.halt()
        bad = {"0000000000000000001": whole[:-1], "0000000000000000002": whole[:40], "0000000000000000003": whole[:-5] + b"xxxxx",
               "0000000000000000004": b"x" * 1000}
        for name, text in {**bad, "0000000000000000005": b""}.items():
            with open(f"queue/todo/{name[-2:]}/{name}", "wb") as file:
                file.write(text)
            os.chmod(f"queue/todo/{name[-2:]}/{name}", 0o644)
        q.start()
        for name, text in bad.items():
            q.sender.wait_log(f"event=broken id={name} reason=")
            q.clean.wait_log(f"event=broken id={name} moved=queue/broken")
            with open(f"queue/broken/{name}", "rb") as file:
                equal(file.read(), text)
        q.sender.wait_log("event=withdrawn id=0000000000000000005")
        q.wait_done("0000000000000000005")
        equal(q.spawner.request().id, good)
        expect(q.spawner.is_quiet(), "nothing of all that is delivered")


@case("killed while deliveries run: its successor starts none of them again, and hears how they end")
def _():
    with Sending() as q:
        names = [q.put(f"u{i}@mini.example") for i in range(4)]
        running = q.spawner.requests(4)
        equal(sorted(r.id for r in running), sorted(names))
        q.halt(signal.SIGKILL)
        later = q.put("u9@mini.example")
        report = q.spawner.report
        q.start(report(b"K", running[0], "2.0.0 meanwhile"), report(b"Z", running[1], "4.2.2 full"), report(b"R", running[2]), report(b"R", running[3]))
        request = q.spawner.request()
        equal(request.id, later, "only what was not running is asked for")
        q.wait_done(running[0].id)
        contains(q.state(running[1].id), "4.2.2")
        q.spawner.say(b"K", running[2], "2.0.0 at last")
        q.wait_done(running[2].id)
        q.tell("F" + running[3].id)
        q.round_trip()
        expect(q.spawner.is_quiet(), "a flush does not start what runs")
        q.spawner.say(b"D", running[3], NO_MAILBOX)
        equal(q.spawner.request().recipient, "me@mini.example")


@case("what ended as queue-send died is told again, and is not done again")
def _():
    with shared() as q:
        name = q.put("alice@mini.example", "bob@mini.example")
        alice, bob = sorted(q.spawner.requests(2), key=lambda r: r.name)
        q.spawner.say(b"K", alice, "2.0.0 ok")
        q.spawner.wait_forgotten(alice)
        contains(q.state(name), "delivered 0 ")
        q.halt(signal.SIGKILL)
        q.start(q.spawner.report(b"K", alice, "2.0.0 ok"), q.spawner.report(b"R", bob))
        q.spawner.say(b"K", bob, "2.0.0 ok")
        q.wait_done(name)
        expect(q.spawner.is_quiet(), "nothing is delivered again")


@case("local-spawn dies: what it ran is tried again with its successor, soon")
def _():
    with shared() as q:
        name = q.put("alice@mini.example")
        q.spawner.request()
        q.spawner.close()
        q.spawner.accept()
        q.sender.wait_log(f"event=lost id={name}")
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.wait_done(name)


@case("local-spawn speaks nonsense: the connection ends, and nothing else")
def _():
    with shared() as q:
        name = q.put("alice@mini.example")
        q.spawner.request()
        for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\1Q", b"\0\0\0\0", b"\0\0\0\3K1:"):
            q.spawner.stream.sendall(nonsense)
            try:
                while q.spawner.request():
                    pass
            except EOFError:
                pass
            q.spawner.accept()
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.wait_done(name)


@case("queue-clean away: nothing is lost, and all is asked for again when it is back")
def _():
    with shared() as q:
        first, second = q.put("alice@mini.example"), q.put("bob@mini.example")
        running = q.spawner.requests(2)
        q.clean.stop(signal.SIGKILL)
        for request in running:
            q.spawner.say(b"K", request, "2.0.0 ok")
        q.sender.wait_log(f"event=delivery id={second}")
        equal(sorted(q.queued()), sorted((first, second)))
        q.clean = q.serve("queue-clean", ["queue/queue-clean"], user="pn-queue", listener=q.clean.listener)
        q.wait_done(first)
        q.wait_done(second)


@case("bounce away: the report comes when it is back")
def _():
    with shared() as q:
        q.bounce.stop(signal.SIGKILL)
        name = q.put("gone@mini.example")
        q.spawner.say(b"D", q.spawner.request(), NO_MAILBOX)
        q.sender.wait_log(f"event=delivery id={name}")
        q.bounce = q.serve("bounce", ["send/bounce"], user="pn-bounce", listener=q.bounce.listener)
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        q.wait_done(name)
        contains(report.message, name.encode())


@case("a restart goes on with every state: delivered, waiting, failed and not yet told, torn last line, clock that stepped")
def _():
    with Sending(retryschedule="1") as q:
        q.control("concurrencylocal", "0\n")
        q.hup()
        names = {word: q.put(f"{word}@mini.example", "other@mini.example") for word in ("partly", "failed", "told", "torn", "ahead", "damaged")}
        q.halt()
        states = {"partly": "delivered 0 5 2.0.0\n", "failed": "failed 0 5 5.1.1\\x20gone\ndelivered 1 5 -\n",
                  "told": "failed 0 5 5.1.1\nbounced 0 5 x\ndelivered 1 6 -\n", "torn": "delivered 1 5 -\ndelivered 0 5 -",
                  "damaged": "no state\ndelivered 0 5 -\n", "ahead": "deferred 0 5 1 99999999999 4.2.2\ndelivered 1 5 -\n"}
        for word, text in states.items():
            name = names[word]
            os.makedirs(f"state/{name[-2:]}", exist_ok=True)
            with open(f"state/{name[-2:]}/{name}", "w") as file:
                file.write(text)
        os.makedirs("state/00", exist_ok=True)
        with open("state/00/0000000000000000000", "w") as file:  # its message is gone
            file.write("delivered 0 5 -\n")
        subprocess.run(["chown", "-R", "pn-send:", "state"], check=True)
        q.control("concurrencylocal", "20\n")
        q.start()
        asked = {}
        for _ in range(6):
            request = q.spawner.request()
            if request.id == names["damaged"]:
                q.spawner.say(b"K", request, "2.0.0 ok")
                continue
            asked[request.recipient] = request
            q.spawner.say(b"K", request, "2.0.0 ok")
        equal(sorted(asked), ["ahead@mini.example", "me@mini.example", "other@mini.example", "torn@mini.example"])
        equal(asked["other@mini.example"].id, names["partly"])
        contains(asked["me@mini.example"].message, b"failed@mini.example")
        for name in names.values():
            q.wait_done(name)
        expect(not os.path.exists("state/00/0000000000000000000"), "the state of a message that is gone")


@case("two never run: the second one says why and ends with 111")
def _():
    with shared() as q:
        second = subprocess.run([q.program("send/queue-send")], stdin=q.notifications, capture_output=True, check=False,
                                user="pn-send", group="pn-send", extra_groups=[], env={})
        equal(second.returncode, 111)
        contains(second.stderr, b"another queue-send is running; it holds state/lock")


@case("a message that nobody told of is found: by the trigger, and by the look at every queuescan")
def _():
    with shared() as q:
        q.sender.process.send_signal(signal.SIGSTOP)
        for number in range(40):  # more than the socket holds: the rest goes into the trigger
            q.put(f"u{number}@mini.example")
        q.sender.process.send_signal(signal.SIGCONT)
        seen = set()
        for _ in range(40):
            request = q.spawner.request()
            seen.add(request.name)
            q.spawner.say(b"K", request, "2.0.0 ok")
        equal(len(seen), 40)


@case("a message that the operator removed is forgotten")
def _():
    with Sending(concurrencylocal="0") as q:
        name = q.put("alice@mini.example")
        q.round_trip()
        os.unlink(f"queue/todo/{name[-2:]}/{name}")
        q.control("concurrencylocal", "1\n")
        q.hup()
        q.sender.wait_log(f"event=vanished id={name}")
        other = q.put("alice@mini.example")
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.wait_done(other)


@case("queue-clean and bounce hear queue-send only")
def _():
    with Sending() as q:
        q.sender.stop()  # queue-clean serves one at a time
        for service in ("queue-clean", "bounce"):
            with q.connect(service) as stream:
                equal(stream.recv(100), b"", service)
        q.bounce.wait_log("event=refused uid=0")
        q.clean.wait_log("event=refused uid=0")


shared.end()
finish()
