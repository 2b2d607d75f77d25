#!/usr/bin/env python3
"""queue-send and mail for other hosts: transactions, rests of destinations, what is told to senders; the test is remote-spawn."""
import email.utils
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from sending import Sending, shared  # noqa: E402
from check import case, contains, equal, expect, finish  # noqa: E402
from postern import wait_until  # noqa: E402

SECONDS = 20
ACCEPTED = "2.0.0 mx.far.example[192.0.2.1] said: 250 2.0.0 queued"
NO_ANSWER = "4.4.1 far.example: no host took the connection"
GREYLISTED = "4.7.1 mx.far.example[192.0.2.1] said: 450 4.7.1 greylisted"
NO_USER = "5.1.1 mx.far.example[192.0.2.1] said: 550 5.1.1 no such user"


def statuses(report):
    """What a report says of each recipient"""
    return list(report.mail().iter_parts())[1].get_payload()[1:]


def arrival(report):
    return list(report.mail().iter_parts())[1].get_payload()[0]["Arrival-Date"]


@case("one recipient who is taken at once: a transaction with the file, and nothing is left")
def _():
    with shared() as q:
        name = q.put("You@Far.example")
        request = q.remote.request()
        equal((request.id, request.destination, request.indexes), (name, "far.example", [0]))
        equal(request.message, b"Subject: x\n\nhello\n")
        q.remote.say(b"P", request, ACCEPTED)
        q.wait_done(name)
        q.remote.wait_forgotten(request)
        contains(q.sender.log(), f"event=delivery id={name} recipient=You@far.example outcome=passed text=2.0.0\\x20mx.far.example[192.0.2.1]")
        contains(q.sender.log(), " destination=far.example ms=")
        equal(sorted(os.listdir("state")), ["lock"])


@case("recipients of one domain go together, 100 at most; those of another, and those here, by themselves")
def _():
    with shared() as q:
        far = [f"u{number}@far.example" for number in range(250)]
        name = q.put(*far, "x@other.example", "alice@mini.example")
        seen = []
        while len(seen) < 251:
            request = q.remote.request()
            equal(request.id, name)
            if request.destination == "far.example":
                expect(len(request.indexes) in (50, 100), len(request.indexes))
                equal(request.indexes, list(range(request.indexes[0], request.indexes[0] + len(request.indexes))))
            seen += [(request.destination, index) for index in request.indexes]
            q.remote.say(b"P", request, ACCEPTED)
        equal(sorted(seen), sorted([("far.example", index) for index in range(250)] + [("other.example", 250)]))
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.wait_done(name)


@case("a transaction may end in different ways for its recipients: each as it should be")
def _():
    with shared() as q:
        name = q.put("a@far.example", "b@far.example", "c@far.example", "d@far.example")
        request = q.remote.request()
        equal(request.indexes, [0, 1, 2, 3])
        q.remote.say(b"P", request.part(0), ACCEPTED)
        q.remote.say(b"Y", request.part(1), ACCEPTED)
        q.remote.say(b"Z", request.part(2), GREYLISTED, b"m")
        q.remote.say(b"D", request.part(3), NO_USER)
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        contains(report.message, b"Status: 5.1.1")
        equal(report.message.count(b"Final-Recipient"), 1)
        for line in ("passed 0 ", "relayed 1 ", "deferred 2 ", "failed 3 "):
            contains(q.state(name), line)
        word, index, when, tries, again, text = next(line for line in q.state(name).splitlines() if line.startswith("deferred")).split()
        equal((tries, int(again) - int(when)), ("1", 300))
        q.tell("F" + name)
        request = q.remote.request()
        equal(request.indexes, [2])
        q.remote.say(b"P", request, ACCEPTED)
        q.wait_done(name)


@case("NOTIFY=SUCCESS: told here when the other host cannot, and not when it does")
def _():
    with shared() as q:
        name = q.put("a@far.example", notify=2)
        q.remote.say(b"P", q.remote.request(), ACCEPTED)
        q.wait_done(name)
        name = q.put("a@far.example", notify=2)
        q.remote.say(b"Y", q.remote.request(), ACCEPTED)
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        q.wait_done(name)
        equal(list(report.mail().iter_parts())[1].get_payload()[1]["Final-Recipient"], "rfc822; a@far.example")


@case("a host that cannot be reached rests, and not its messages: nothing is asked of it until a flush, and no try is used up")
def _():
    with Sending() as q:
        names = [q.put("a@far.example") for _ in range(3)]
        q.remote.say(b"Z", q.remote.request(), NO_ANSWER)
        q.sender.wait_log("event=resting destination=far.example seconds=300 text=4.4.1")
        q.round_trip()
        expect(q.remote.is_quiet(), "it is left alone")
        other = q.put("a@well.example")
        request = q.remote.request()
        equal(request.id, other)
        q.remote.say(b"P", request, ACCEPTED)
        q.wait_done(other)
        first = next(name for name in names if os.path.exists(f"state/{name[-2:]}/{name}"))
        word, index, when, tries, again, text = q.state(first).split()
        equal((word, tries, text), ("deferred", "0", NO_ANSWER.replace(" ", "\\x20")))
        expect(295 <= int(again) - int(when) <= 300, q.state(first))
        equal(sum(os.path.exists(f"state/{name[-2:]}/{name}") for name in names), 1, "messages that were tried")
        q.tell("F")
        request = q.remote.request()
        q.round_trip()
        expect(q.remote.is_quiet(), "one probes it")
        q.remote.say(b"P", request, ACCEPTED)
        for _ in range(2):
            q.remote.say(b"P", q.remote.request(), ACCEPTED)
        for name in names:
            q.wait_done(name)


@case("a failure here, and one that waits for another host in trouble: the sender is told without waiting for that")
def _():
    with Sending(delaynotice="16") as q:  # so that it looks every second
        name = q.put("a@far.example", "b@far.example", "gone@mini.example")
        q.remote.say(b"Z", q.remote.request(), NO_ANSWER)
        q.spawner.say(b"D", q.spawner.request(), "5.1.1 no mailbox here by that name")
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        equal([status["Final-Recipient"] for status in statuses(report)], ["rfc822; gone@mini.example"])
        wait_until(lambda: "bounced 2 " in q.state(name), ["state/" + name[-2:]], SECONDS)
        expect("delayed" not in q.state(name) and "bounced 0" not in q.state(name), q.state(name))


@case("a delay: told once to who asked for it, also of mail that only waits for a host in trouble; and the end as well")
def _():
    with Sending(delaynotice="1", queuelifetime="432000\nfar.example:6") as q:
        first = q.put("a@far.example")
        q.remote.say(b"Z", q.remote.request(), NO_ANSWER)
        name = q.put("quiet@far.example", "b@far.example", notify=8 + 4)  # NOTIFY is the last one's
        report = q.spawner.request()
        q.spawner.say(b"K", report, "2.0.0 ok")
        only, = statuses(report)
        equal((only["Final-Recipient"], only["Action"], only["Status"]), ("rfc822; b@far.example", "delayed", "4.4.1"))
        created, until = (email.utils.parsedate_to_datetime(text) for text in (arrival(report), only["Will-Retry-Until"]))
        equal((until - created).total_seconds(), 6)
        wait_until(lambda: "delayed 1 " in q.state(name), ["state/" + name[-2:]], SECONDS)
        told = []
        while len(told) < 3:
            report = q.spawner.request()
            q.spawner.say(b"K", report, "2.0.0 ok")
            told += [(status["Final-Recipient"][8:], status["Action"], status["Status"]) for status in statuses(report)]
        equal(sorted(told), [(f"{who}@far.example", "failed", "4.4.7") for who in ("a", "b", "quiet")])
        q.wait_done(first)
        q.wait_done(name)


@case("a restart remembers hosts that rest, and what they said; a line that is damaged is nothing")
def _():
    with Sending() as q:
        q.put("a@far.example")
        q.remote.say(b"Z", q.remote.request(), NO_ANSWER)
        q.sender.wait_log("event=resting destination=far.example")
        q.halt()
        with open("state/destinations") as file:
            name, until, rests, text = file.read().split()
        equal((name, rests, text), ("far.example", "1", NO_ANSWER.replace(" ", "\\x20")))
        expect(290 < int(until) - time.time() <= 300, until)
        with open("state/destinations", "a") as file:
            file.write(f"nonsense\nlate.example {until} 3 x=y\nwell.example 5 2 -\n\xff {until} 1 -\ndead.example {until} 2 4.4.1\\x20gone\nhalf")
        os.chmod("state/destinations", 0o644)
        q.start()
        q.sender.wait_log("event=looked-through messages=1")
        for host in ("far", "dead", "well", "late"):
            q.put(f"b@{host}.example")
        equal(sorted(request.destination for request in q.remote.requests(2)), ["late.example", "well.example"])
        q.round_trip()
        expect(q.remote.is_quiet(), "those that rest are left alone")
        q.tell("F")
        equal(sorted(request.destination for request in q.remote.requests(2)), ["dead.example", "far.example"])


@case("queue-send killed in mid-transaction: its successor asks for none of it again, and hears how it ends")
def _():
    with Sending() as q:
        name = q.put("a@far.example", "b@far.example", "c@far.example")
        request = q.remote.request()
        q.halt(signal.SIGKILL)
        report = q.remote.report
        q.start(remote=(report(b"P", request.part(0), ACCEPTED), report(b"R", request.part(1)), report(b"R", request.part(2))))
        q.sender.wait_log("recipient=a@far.example outcome=passed")
        q.tell("F" + name)
        q.round_trip()
        expect(q.remote.is_quiet(), "what runs is not asked for again")
        q.remote.say(b"P", request.part(1, 2), ACCEPTED)
        q.wait_done(name)


@case("remote-spawn dies: what it ran is tried again, soon, and nothing local waits for it")
def _():
    with shared() as q:
        name = q.put("a@far.example", "b@far.example", "alice@mini.example")
        q.remote.request()
        q.remote.close()
        q.spawner.say(b"K", q.spawner.request(), "2.0.0 ok")
        q.remote.accept()
        q.sender.wait_log(f"event=lost id={name}")
        request = q.remote.request()
        equal(request.indexes, [0, 1])
        q.remote.say(b"P", request, ACCEPTED)
        q.wait_done(name)


@case("each spawner speaks of its own deliveries only")
def _():
    with shared() as q:
        name = q.put("alice@mini.example")
        request = q.spawner.request()
        q.remote.say(b"K", request, "2.0.0 forged")
        q.sender.wait_log(f"id={name} error=a\\\\x20report\\\\x20of\\\\x20another's\\\\x20delivery")
        q.spawner.say(b"K", request, "2.0.0 ok")
        q.wait_done(name)


@case("control/smtproutes: destinations are relays, and a new route counts for what waits")
def _():
    with Sending(smtproutes="far.example:relay.example:587 alice secret\n:[192.0.2.9]:2525") as q:
        os.chmod("control/smtproutes", 0o644)
        q.put("a@far.example")
        q.put("b@other.example")
        requests = q.remote.requests(2)
        equal(sorted(request.destination for request in requests), ["[192.0.2.9]:2525", "relay.example:587 alice"])
        for request in requests:
            q.remote.say(b"Z", request, GREYLISTED, b"m")
            q.remote.wait_forgotten(request)
        q.control("smtproutes", "far.example:\n:new.example\n")
        q.hup()
        q.tell("F")
        requests = q.remote.requests(2)
        equal(sorted(request.destination for request in requests), ["far.example", "new.example:25"])


@case("concurrencyremote 0 halts, concurrencyperdomain limits one destination, rateperdomain paces it")
def _():
    with Sending(concurrencyremote="0") as q:
        names = [q.put(f"u{number}@far.example") for number in range(6)]
        q.round_trip()
        expect(q.remote.is_quiet(), "nothing is asked for")
        q.control("concurrencyperdomain", "50\nfar.example:2\n")
        q.control("concurrencyremote", "10\n")
        q.hup()
        running = [q.remote.request()]
        for _ in range(3):
            q.round_trip()
            running += q.remote.waiting()
            expect(len(running) <= 2, "two at most")
            q.remote.say(b"P", running.pop(0), ACCEPTED)
        q.control("rateperdomain", "far.example:60\n")
        q.hup()
        for request in running + q.remote.waiting():
            q.remote.say(b"P", request, ACCEPTED)
        begin = time.monotonic()
        for number in range(8):
            names.append(q.put(f"v{number}@far.example"))
        while sum(q.sender.log().count(f"event=done id={name}") for name in names) < len(names):
            for request in q.remote.waiting():
                q.remote.say(b"P", request, ACCEPTED)
            q.round_trip()
        expect(time.monotonic() - begin > 3, "8 messages at 60 a minute, three seconds' worth at once")


@case("a host that takes others' mail and goes away with one message: that message waits, and not the host")
def _():
    with Sending() as q:
        poison = q.put("poison@far.example")
        lost = "4.4.2 far.example: the connection ended"
        for turn in range(4):  # the first time nobody knows yet that the host answers
            well = q.put("well@far.example")
            q.tell(f"F{well}")  # taken up when that is logged
            q.wait_lines(f"event=flush id={well}", 1)
            for _ in range(2):
                request = q.remote.request()
                if request.id == well:
                    q.remote.say(b"P", request, ACCEPTED)
                    q.wait_done(well)
                    continue
                equal(request.id, poison)
                q.remote.say(b"Z", request, lost)
                q.wait_lines(f"event=delivery id={poison}", turn + 1)
                if turn < 3:
                    q.tell("F")
        word, index, when, tries, again, text = q.state(poison).splitlines()[-1].split()
        equal((word, tries, int(again) - int(when)), ("deferred", "1", 300), q.state(poison))
        q.put("well@far.example")
        q.remote.request()  # and the host does not rest


shared.end()
finish()
