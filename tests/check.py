"""check - the reporter of every script test

One line a case: "ok NAME", "not ok NAME: why", "skip NAME: why". tests/run counts these lines. A script ends with
finish(), which exits 1 if a case failed or none ran.

    from check import case, equal, expect, finish, skip

    @case("a lone dot is doubled")
    def _():
        equal(got, want)

    finish()

A case runs where it stands. It fails by equal(), expect(), any exception; skip() in it says why it cannot run here.
"""
import signal
import sys
import time
import traceback

_counts = {"ok": 0, "not ok": 0, "skip": 0}


class Failure(Exception):
    """What a case found wrong; its text is the reason."""


class Skip(Exception):
    """Why a case cannot run here."""


def _line(verdict, name, why=""):
    _counts[verdict] += 1
    why = " ".join(str(why).split())
    print(f"{verdict} {name}" + (f": {why}" if why else ""), flush=True)


def ok(name):
    _line("ok", name)


def not_ok(name, why):
    _line("not ok", name, why or "no reason given")


def fail(why):
    raise Failure(why)


def skip(why):
    raise Skip(why)


def expect(condition, why):
    if not condition:
        raise Failure(why() if callable(why) else why)


def equal(got, want, what=""):
    if got != want:
        raise Failure(f"{what + ': ' if what else ''}got {got!r}, want {want!r}")


def contains(text, part, what=""):
    if part not in text:
        raise Failure(f"{what + ': ' if what else ''}{part!r} is not in {text!r}")


def case(name, seconds=120):
    """Runs the function under it as the case of this name; one that takes longer than `seconds` fails."""

    def run(function):
        def too_long(*_):
            raise Failure(f"not done in {seconds} seconds")

        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(seconds)
        start = time.monotonic()
        try:
            function()
        except Skip as why:
            _line("skip", name, why)
        except Failure as why:
            _line("not ok", name, why)
            frame = traceback.extract_tb(sys.exc_info()[2])[1]
            print(f"  at {frame.filename}:{frame.lineno}, after {time.monotonic() - start:.1f} s", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            _line("not ok", name, f"{type(error).__name__}: {error}")
            print("  " + "\n  ".join(traceback.format_exc().splitlines()[-8:]), flush=True)
        else:
            _line("ok", name)
        finally:
            signal.alarm(0)
        return function

    return run


def failures():
    return _counts["not ok"]


def finish():
    if sum(_counts.values()) == 0:
        not_ok("any case", "none ran")
    sys.exit(1 if _counts["not ok"] else 0)
