#!/usr/bin/env python3
"""power_check - the power is cut under load, and whatever was acknowledged is there

    tests/power/power_check.py [long]       long: at least 100 moments, and each control many times (make proof-power)

On ext4, xfs and btrfs: an instance takes mail from several SMTP clients, and at moments just after an acknowledgement its
disk is copied in an instant (disk.py says what that is). Each copy is then mounted in the original's place, the instance on
it is started as after a power cut, and every message acknowledged before the copy has to be there whole, in the queue or in
a Maildir, and in its Maildir once the queue has drained. The controls take the fsync from queue-inject, and from local: a
file system on which that loses nothing would show that the test is blind, and fails it.
"""
import collections
import contextlib
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent),
                str(pathlib.Path(__file__).resolve().parent.parent / "e2e")]
import check
import disk as power
from check import case, equal, expect, finish
from load import SENDER, Clients, Holdings
from postern import Instance, wait_until

IS_LONG = sys.argv[1:] == ["long"]
KINDS = ("ext4", "xfs", "btrfs")
USERS = ("alice", "bob", "carol", "dave")
SESSIONS, MOMENTS = (7, 5) if IS_LONG else (1, 3)  # for each file system
BIG_MOMENTS = 6 if IS_LONG else 1
CONTROL_MOMENTS, CONTROL_SESSIONS = 6, 3 if IS_LONG else 1
RECIPIENTS = 1000
BIG_AT_ONCE = 2  # deliveries: they take some seconds, so that one second's are a few of them
CASE_SECONDS = 3000 if IS_LONG else 300
totals = collections.Counter()


def say(text):
    print(f"  {text}", flush=True)


def lay_out(disk, kind):
    """An instance on a file system of its own, stopped; its image is what every run on that file system starts from."""
    disk.make(kind)
    mail = Instance(users=USERS)
    mail.dir.rmdir()
    mail.dir = disk.mount(kind) / "postern"
    try:
        mail.start()
    finally:
        mail.stop()
        disk.unmount()
    return mail


@contextlib.contextmanager
def powered(disk, mail, image, kind, commits="soon"):
    """The image in its place, without its services."""
    disk.mount(image, kind, commits)
    try:
        yield
    finally:
        mail.stop()
        disk.unmount()
        disk.remove(image)


def start_services(mail, **settings):
    done = mail.command("start", *[word for name, value in settings.items() for word in ("--set", f"{name}={value}")])
    if done.returncode != 0:
        raise check.Failure(f"the instance does not start: exit {done.returncode}: {done.stderr} {mail.log('queue-send')[-500:]}")


@contextlib.contextmanager
def running(disk, mail, kind, commits="soon", **settings):
    """The instance at work on a fresh copy of its image."""
    disk.cut(kind, "running")
    with powered(disk, mail, "running", kind, commits):
        start_services(mail, **settings)
        yield


class Cut:
    def __init__(self, image, acknowledged):
        self.image, self.acknowledged = image, acknowledged


def cut_under_load(disk, mail, moments, chance):
    """Copies of the disk, each with what had been acknowledged before it was made."""
    cuts = []
    with Clients(mail, chance.randrange(1 << 40)) as clients:
        for moment in range(moments):
            acknowledged = clients.after(chance.randint(5, 50))
            disk.cut("running", f"cut.{moment}")
            cuts.append(Cut(f"cut.{moment}", acknowledged))
    return cuts


def examine(disk, mail, kind, cut):
    """What a power cut left, before and after the instance is started on it."""
    with powered(disk, mail, cut.image, kind):
        found = Holdings(mail.dir)
        equal(found.lost(cut.acknowledged), [], f"{cut.image}: acknowledged and lost, of {len(cut.acknowledged)}")
        start_services(mail)
        mail.wait_for_empty_queue(seconds=90)
        drained = Holdings(mail.dir)
        equal([serial for serial in cut.acknowledged if serial not in drained.in_maildir], [], f"{cut.image}: acknowledged and not delivered")
        equal(sorted(set(drained.torn_in_maildir) - set(found.torn_in_maildir)), [], f"{cut.image}: delivered in part after the cut")
        broken = len(list(mail.dir.glob("queue/broken/*")))
        equal(broken, found.torn_in_queue, f"{cut.image}: files in broken/, of what was never acknowledged")
    totals["moments"] += 1
    return collections.Counter({
        "acknowledged": len(cut.acknowledged),
        "of these in the queue": len([serial for serial in cut.acknowledged if serial in found.in_queue]),
        "delivered twice": sum(drained.in_maildir.values()) - len(drained.in_maildir),
        "unfinished files in the queue": broken,
        "unfinished names in Maildirs": len(found.torn_in_maildir),
    })


def in_words(counts):
    return ", ".join(f"{count} {what}" for what, count in counts.items())


@contextlib.contextmanager
def without_fsync(mail, program):
    """While it lasts, fsync answers 0 and does nothing in these processes and their children; ends with how often."""
    pids = [pid for pid in mail.processes() if re.search(program, pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())]
    expect(pids, f"{program!r} runs")
    injected = collections.Counter()
    with tempfile.NamedTemporaryFile("r", dir=power.directory()) as trace:
        words = ["strace", "-f", "-o", trace.name, "-e", "trace=fsync", "-e", "inject=fsync:retval=0"]
        with subprocess.Popen(words + [word for pid in pids for word in ("-p", str(pid))], stderr=subprocess.PIPE, text=True) as tracer:
            for _ in pids:
                expect("attached" in tracer.stderr.readline(), "strace holds every process")
            try:
                yield injected
            finally:
                tracer.terminate()
                tracer.communicate()
        injected["fsyncs"] = trace.read().count("(INJECTED)")


def show_losses(disk, mail, kind, program):
    """Without fsync in that program, power cuts lose mail that was acknowledged."""
    chance = random.Random(f"{kind} {program}")
    counts = collections.Counter()
    for _ in range(CONTROL_SESSIONS):
        with running(disk, mail, kind):
            with without_fsync(mail, program) as injected:
                cuts = cut_under_load(disk, mail, CONTROL_MOMENTS, chance)
        expect(injected["fsyncs"] > 0, "no fsync was left out")
        for cut in cuts:
            with powered(disk, mail, cut.image, kind):
                lost = len(Holdings(mail.dir).lost(cut.acknowledged))
            counts.update({"moments": 1, "with losses": lost > 0, "acknowledged": len(cut.acknowledged), "lost": lost})
    say(f"{kind} control {program.decode()}: {in_words(counts)}")
    expect(counts["lost"] > 0, f"nothing was lost without fsync, at {counts['moments']} moments: this test sees nothing")


def recipient(mail, number):
    return f"{USERS[number % len(USERS)]}+{number}@{mail.domain}"


def big_deliveries(mail):
    """{path: recipient} of what lies in the Maildirs of the message to many."""
    found = {}
    for path in mail.dir.glob("home/*/Maildir/new/*"):
        line = re.search(rb"^Delivered-To: (.*)$", path.read_bytes()[:1000], re.M)
        if line:
            found[path] = line[1].decode()
    return found


def most_in_a_second(paths):
    times, most, first = sorted(path.stat().st_ctime_ns for path in paths), 0, 0
    for last, moment in enumerate(times):
        while times[first] <= moment - 10**9:
            first += 1
        most = max(most, last - first + 1)
    return most


def send_to_many(mail):
    with mail.smtp() as client:
        client.ehlo()
        client.mail(SENDER)
        for number in range(RECIPIENTS):
            equal(client.rcpt(recipient(mail, number))[0], 250, "RCPT")
        equal(client.data(b"Subject: to many\r\n\r\nhello\r\n")[0], 250, "DATA")


def cut_during_big(disk, mail, chance):
    """Copies of the disk while one message goes to many, and the most that any second delivered."""
    delivered = lambda: sum(len(os.listdir(mail.maildir(user) / "new")) for user in USERS)
    send_to_many(mail)
    images = []
    for moment, target in enumerate(sorted(chance.randint(300, RECIPIENTS - 100) for _ in range(BIG_MOMENTS))):
        wait_until(lambda: delivered() >= target, [mail.maildir(user) / "new" for user in USERS], 120, f"{target} deliveries")
        disk.cut("running", f"big.{moment}")
        images.append(f"big.{moment}")
    mail.wait_for_empty_queue(seconds=120)
    return images, most_in_a_second(big_deliveries(mail))


def examine_big(disk, mail, kind, image, most):
    """How many recipients got a message twice because of a cut."""
    with powered(disk, mail, image, kind):
        before = len(big_deliveries(mail))
        start_services(mail, concurrencylocal=20)
        mail.wait_for_empty_queue(seconds=120)
        copies = collections.Counter(big_deliveries(mail).values())
    equal([number for number in range(RECIPIENTS) if recipient(mail, number) not in copies], [], f"{image}: recipients without it")
    repeated = sum(copies.values()) - len(copies)
    say(f"{kind} {RECIPIENTS} recipients: cut after {before} deliveries, {repeated} came twice; one second delivered up to {most}")
    expect(repeated <= most, f"{image}: {repeated} came twice, and one second delivered {most} at most")
    totals["moments"] += 1


def prove(disk, kind):
    @case(f"{kind}: a copy of the disk holds what was fsynced, and nothing that was only written", CASE_SECONDS)
    def _():
        disk.make(kind, "rig")
        place = disk.mount("rig", kind)
        for number in range(100):
            with open(place / f"{'synced' if number < 50 else 'written'}.{number}", "wb") as file:
                file.write(b"x" * 5000)
                file.flush()
                if number < 50:
                    os.fsync(file.fileno())
        disk.cut("rig", "rig.cut")
        disk.unmount()
        place = disk.mount("rig.cut", kind)
        whole = sorted(path.name for path in place.glob("*.*") if path.read_bytes() == b"x" * 5000)
        disk.unmount()
        equal(whole, sorted(f"synced.{number}" for number in range(50)))
        disk.remove("rig")
        disk.remove("rig.cut")

    mail = lay_out(disk, kind)

    @case(f"{kind}: what was acknowledged is there after {SESSIONS * MOMENTS} power cuts under load", CASE_SECONDS)
    def _():
        chance, counts = random.Random(time.time_ns()), collections.Counter()
        for session in range(SESSIONS):
            with running(disk, mail, kind, "soon" if session % 2 == 0 else "by default"):
                cuts = cut_under_load(disk, mail, MOMENTS, chance)
            for cut in cuts:
                counts += examine(disk, mail, kind, cut)
        say(f"{kind}: {SESSIONS * MOMENTS} moments, {SESSIONS * MOMENTS} times all acknowledged was there: {in_words(counts)}")

    @case(f"{kind}: power cuts while a message goes to {RECIPIENTS} recipients repeat what one second delivered at most", CASE_SECONDS)
    def _():
        with running(disk, mail, kind, concurrencylocal=BIG_AT_ONCE):
            images, most = cut_during_big(disk, mail, random.Random(time.time_ns()))
        for image in images:
            examine_big(disk, mail, kind, image, most)

    @case(f"{kind}: control: without fsync in queue-inject, power cuts lose what was acknowledged", CASE_SECONDS)
    def _():
        show_losses(disk, mail, kind, rb"queue-inject\0trusted")

    @case(f"{kind}: control: without fsync in local, power cuts lose what was delivered", CASE_SECONDS)
    def _():
        show_losses(disk, mail, kind, rb"bin/local")


def prove_all():
    """Why the machine cannot, or None once all was tried."""
    reason = power.why_not()
    if reason:
        return reason
    power.alone()
    with contextlib.ExitStack() as end:
        try:
            disk = end.enter_context(power.Disk())
        except check.Failure as trouble:
            return trouble
        for kind in KINDS:
            prove(disk, kind)
    say(f"{totals['moments']} moments in all")
    return None


why = prove_all()
if why is not None:

    @case("power cuts")
    def _():
        check.skip(f"NOT SHOWN: {why}")


finish()
