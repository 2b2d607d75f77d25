"""orders - an operator's orders to queue-send, given again until they are answered: it may be killed, or fail, in between"""
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "e2e")]
from check import Failure, expect  # noqa: E402
from parts import netstring, read_record, record, take_fields  # noqa: E402
from postern import Watch  # noqa: E402

SECONDS = 30


def _ask(world, verb, what):
    """(letter, lines) of one try; nothing if queue-send went away."""
    lines = []
    try:
        with world.connect("queue-orders") as stream:
            stream.settimeout(5)
            stream.sendall(record(verb + netstring(b"0") + netstring(what.encode())))
            while True:
                letter, fields = take_fields(read_record(stream))
                if letter != b"I":
                    return letter, lines
                lines.append(fields[1].decode())
    except (EOFError, OSError, socket.timeout):
        return None, lines


def order(world, verb, what):
    """The lines of its answer, once it is done or was so."""
    deadline = time.monotonic() + SECONDS
    with Watch("log") as watch:
        while time.monotonic() < deadline:
            letter, lines = _ask(world, verb, what)
            if letter in (b"Y", b"S", b"L") or (letter == b"N" and verb == b"D"):  # gone: it was asked before
                return lines
            watch.wait(time.monotonic() + 0.1)
    raise Failure(f"order {verb} {what} is not answered")


def _while_paused(world, message):
    """The message's ID; nothing of it is delivered."""
    order(world, b"P", "local")
    is_taken, identity = world.queue_directly(message)
    expect(is_taken, f"not taken: {identity}")
    return identity


def hold_and_release(world, message, _):
    """What was answered is so, whatever happened to queue-send: a held message is held, until it is released."""
    identity = _while_paused(world, message)
    order(world, b"H", identity)
    order(world, b"U", "local")
    (why,) = order(world, b"W", identity)
    expect("held by the operator" in why, f"answered that it is held: {why}")
    order(world, b"R", identity)
    return True, identity


def delete(world, message, _):
    """A deleted message never arrives."""
    identity = _while_paused(world, message)
    order(world, b"D", identity)
    order(world, b"U", "local")
    return True, identity
