"""proof - every point of every scenario, several at a time, and what came of it in a few lines

The checks of tests/crash and tests/fault give prove() two functions: which actions a scenario's calls offer, and what is
wrong with a run. With the argument "long" every action is tried, else `most` of each scenario, evenly. ONLY=NAME takes one
scenario, LANES says how many worlds work side by side, VERBOSE=1 shows every point.
"""
import json
import os
import selectors
import shutil
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from check import finish, not_ok, ok  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from clients import POINTS  # noqa: E402
from errors import points_of  # noqa: E402
from message import NAMES  # noqa: E402
from world import World  # noqa: E402

IS_ALL = sys.argv[1:] == ["long"]
LANES = int(os.environ.get("LANES", "3"))


def evenly(actions, most):
    if IS_ALL or len(actions) <= most:
        return actions
    return [actions[at * len(actions) // most] for at in range(most)]


def cannot_run():
    """Why nothing can be shown on this machine."""
    if os.geteuid() != 0:
        return "root starts the services as their users"
    if not os.path.exists(POINTS):
        return f"{POINTS} is missing: make test-tools"
    if not NAMES:
        return "the kernel's headers are missing (linux-libc-dev): calls have no names"
    if not shutil.which("cdb"):
        return "cdb of tinycdb is missing"
    return None


class Lane:
    """A process with a world of its own; takes (scenario, action), gives what came of it."""

    def __init__(self, judge, others):
        down, self.orders = os.pipe()
        answers, up = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            os.close(self.orders)
            os.close(answers)
            for other in others:  # else they would not see the end of their orders
                other.orders.close()
                other.answers.close()
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
            self.work(judge, os.fdopen(down, "r"), os.fdopen(up, "w"))
            os._exit(0)
        os.close(down)
        os.close(up)
        self.orders = os.fdopen(self.orders, "w")
        self.answers = os.fdopen(answers, "r")

    @staticmethod
    def work(judge, orders, answers):
        world = None
        try:
            world = World().__enter__()
            for order in orders:
                at, action = json.loads(order)
                scenario = SCENARIOS[at]
                answer = {"scenario": at, "action": action}
                try:
                    if action == "count":
                        run = world.run(scenario, action)
                        if not run.is_taken or any(run.copies.get(name) != 1 for name in scenario.mailboxes):
                            raise AssertionError(f"nothing failed, and yet: {run.answer}, {run.copies}: {run.said[-1500:]}")
                        answer["calls"] = [[call.name, call.count, call.last] for call in run.calls]
                    else:
                        run = world.run(scenario, action)
                        answer.update(judge(world, run))
                        answer["hit"] = f"{run.hit.name} #{run.hit.count}" if run.hit else None
                except Exception as error:  # pylint: disable=broad-except
                    answer["wrong"] = f"{type(error).__name__}: {error}"
                    answer["trace"] = traceback.format_exc().splitlines()[-4:]
                    world.__exit__()
                    world = World().__enter__()
                answers.write(json.dumps(answer) + "\n")
                answers.flush()
        finally:
            if world:
                world.__exit__()

    def order(self, at, action):
        self.orders.write(json.dumps([at, action]) + "\n")
        self.orders.flush()

    def end(self):
        try:
            self.orders.close()
        except OSError:
            pass
        os.waitpid(self.pid, 0)


class Named:
    def __init__(self, name, count, last):
        self.name, self.count, self.last = name, count, last


def share_out(lanes, orders, on_answer):
    """Every order to a lane that has nothing to do."""
    waiting = iter(orders)
    selector = selectors.DefaultSelector()
    busy = 0

    def next_for(lane):
        order = next(waiting, None)
        if order is not None:
            lane.order(*order)
        return order is not None

    for lane in lanes:
        if next_for(lane):
            selector.register(lane.answers, selectors.EVENT_READ, lane)
            busy += 1
    while busy:
        for key, _ in selector.select():
            line = key.data.answers.readline()
            if not line:
                raise RuntimeError("a lane died")
            answer = json.loads(line)
            if os.environ.get("VERBOSE"):
                print(f"  {SCENARIOS[answer['scenario']].name} {answer['action']} {answer.get('hit')} {answer.get('wrong', '')[:600]}", flush=True)
            on_answer(answer)
            if not next_for(key.data):
                selector.unregister(key.data.answers)
                busy -= 1


def prove(what, actions_of, judge, most, found=lambda scenario, calls: {}):
    """Runs it all, and prints a case for each scenario, and for each thing that was found once, by its name."""
    why = cannot_run()
    if why:
        print(f"skip {what}: NOT SHOWN: {why}", flush=True)
        sys.exit(0)
    only = os.environ.get("ONLY")
    chosen = [at for at, scenario in enumerate(SCENARIOS) if not only or scenario.name == only]
    started = time.monotonic()
    lanes = []
    for _ in range(LANES):
        lanes.append(Lane(judge, lanes))
    counted, results, named = {}, {at: [] for at in chosen}, {}
    try:
        share_out(lanes, [(at, "count") for at in chosen], lambda answer: counted.update({answer["scenario"]: answer}))
        orders = []
        for at in chosen:
            if "wrong" in counted[at]:
                continue
            calls = [Named(*call) for call in counted[at]["calls"]]
            actions = evenly(actions_of(points_of(calls), calls), most)
            for name, those in found(SCENARIOS[at].name, calls).items():
                named[name] = (at, those)
                actions += [action for action in those if action not in actions]
            orders += [(at, action) for action in actions]
        share_out(lanes, orders, lambda answer: results[answer["scenario"]].append(answer))
    finally:
        for lane in lanes:
            lane.end()
    report_found(named, results)
    report(what, chosen, counted, results, time.monotonic() - started)


def report_found(named, results):
    for name, (at, actions) in sorted(named.items()):
        answers = [answer for answer in results[at] if answer["action"] in actions]
        bad = [answer["wrong"] for answer in answers if answer.get("wrong")]
        if bad:
            not_ok(name, bad[0])
        elif not any(answer.get("hit") for answer in answers):
            not_ok(name, "no such call was made")
        else:
            ok(name)


def report(what, chosen, counted, results, seconds):
    total = reached = wrong = 0
    repeats = {}
    for at in chosen:
        name = f"{what}: {SCENARIOS[at].name}"
        if "wrong" in counted[at]:
            not_ok(name, counted[at]["wrong"])
            continue
        answers = results[at]
        bad = [answer for answer in answers if answer.get("wrong")]
        hits = [answer for answer in answers if answer.get("hit")]
        total += len(answers)
        reached += len(hits)
        wrong += len(bad)
        for answer in answers:
            if answer.get("repeat"):
                repeats[answer["repeat"]] = repeats.get(answer["repeat"], 0) + 1
        for answer in bad:
            print(f"  {name}, {answer['action']} at {answer.get('hit')}: {answer['wrong']}", flush=True)
            for line in answer.get("trace", []):
                print(f"    {line}", flush=True)
        if bad:
            not_ok(name, f"{len(bad)} of {len(answers)} points, the first {bad[0]['action']} at {bad[0].get('hit')}: {bad[0]['wrong']}")
        elif not answers:  # none of its calls can fail in this way
            continue
        elif not hits:
            not_ok(name, "no point was reached")
        else:
            ok(f"{name}: {len(hits)} points")
    copies = sum(repeats.values())
    print(f"{what}: {total} points, {reached} reached; the invariant held at {total - wrong}; {copies} duplicates"
          + "".join(f"; {count}: {why}" for why, count in sorted(repeats.items())) + f"; {seconds:.0f} s", flush=True)
    finish()
