#!/usr/bin/env python3
"""What queue-send's scheduler does with much mail for many hosts, some of them in trouble: simulated, with its own code.

    tests/scheduling/scheduling_check.py          100,000 messages for 1,000 domains
    tests/scheduling/scheduling_check.py long     1,000,000 for 10,000
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from check import case, equal, expect, finish  # noqa: E402

BUILD = ROOT / os.environ.get("BUILD", "build")
MESSAGES = 1_000_000 if sys.argv[1:] == ["long"] else 100_000
DOMAINS = MESSAGES // 100
CONCURRENCY = 100           # control/concurrencyremote
LEARNING = 60 + DOMAINS * 0.06  # seconds in which one host in 20 is found out to be dead, each by a time-out of 60

done = subprocess.run([BUILD / "tests/scheduling/simulation", str(MESSAGES), str(DOMAINS)], capture_output=True, text=True, check=False)
FACTS = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("fact "))
print("".join(line + "\n" for line in done.stdout.splitlines() if not line.startswith("fact ")), end="")


def fact(name):
    return float(FACTS[name])


@case(f"{MESSAGES} messages for {DOMAINS} domains: each recipient has one end, and nothing is left")
def _():
    equal(done.returncode, 0, done.stderr)
    for world in ("all_well", "mixed"):
        equal((fact(f"{world}_ended"), fact(f"{world}_twice"), fact(f"{world}_left")), (fact("recipients"), 0, 0), world)
    equal((fact("all_well_given_up"), fact("mixed_given_up_but_dead")), (0, 0), "given up where a host would have taken it")


@case("never more at once than control/concurrencyremote")
def _():
    for world in ("all_well", "mixed"):
        expect(fact(f"{world}_most_at_once") <= CONCURRENCY, FACTS[f"{world}_most_at_once"])


@case("hosts in trouble do not hold up mail for those that are well, once they are known")
def _():
    expect(fact("mixed_last") <= fact("all_well_last") + LEARNING, f"all was gone after {FACTS['mixed_last']} s, and without them after {FACTS['all_well_last']} s")
    expect(fact("mixed_most") <= fact("all_well_most") + LEARNING, f"{FACTS['mixed_most']} s at most, and without them {FACTS['all_well_most']} s")
    late = fact("mixed_late_median"), fact("all_well_late_median"), fact("mixed_late_99"), fact("all_well_late_99")
    expect(late[0] <= late[1] + 2 and late[2] <= late[3] + 30, f"median {late[0]} s and without them {late[1]} s; 99 % {late[2]} s and {late[3]} s, of the later half of the mail")


@case("a dead host is tried as often as the schedule says, however much mail waits for it")
def _():
    # 5 minutes growing by half to 4 hours is 38 intervals of 5 days.
    expect(34 <= fact("dead_tries_least") and fact("dead_tries_most") <= 41, f"{FACTS['dead_tries_least']} to {FACTS['dead_tries_most']} times")


@case("a message and its recipient take about as much memory as in memory_check.py")
def _():
    expect(fact("mixed_mib_at_most") <= 40 + MESSAGES * 212 / 1_000_000, f"{FACTS['mixed_mib_at_most']} MiB")


finish()
