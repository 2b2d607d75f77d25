#!/usr/bin/env python3
"""the power is cut just after user or domain said that it was done, and it is done: users, passwords, homes and domains are what they were

On ext4, xfs and btrfs: after each command the disk is copied in an instant (disk.py says what that is), and every copy is mounted in the original's
place and compared. A control takes the fsync from the tools: a file system on which that loses nothing would show that the test is blind, and fails it.
"""
import os
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent), str(pathlib.Path(__file__).resolve().parent.parent / "tools")]
import disk as power
from check import case, equal, expect, finish, skip
from tool_directory import ToolDirectory

KINDS = ("ext4", "xfs", "btrfs")
STEPS = [("user add alice", ""), ("user passwd alice", "one\n"), ("user add info@example.org", ""), ("user passwd info@example.org", "two\n"), ("user apppass add alice phone", ""),
         ("user disable alice", ""), ("user quota alice 5M", ""), ("user rename info@example.org sales@shop.example", ""), ("user rename alice bob", ""), ("user enable bob", ""),
         ("user quota bob none", ""), ("domain add new.example --local", ""), ("domain del example.org", ""), ("user apppass del bob phone", ""), ("user add carol", ""), ("user del bob --remove-mail", "")]
WITHOUT_FSYNC = ("strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:retval=0")


class Place(ToolDirectory):
    """One on the disk in question."""

    def __init__(self, path):
        self.path = str(path)
        os.mkdir(path)
        self.fill()


def state_of(top):
    """Every name below users/, control/ and home/ with owner, mode and content."""
    found = {}
    for name in ("users", "control", "home"):
        for path, directories, files in os.walk(os.path.join(top, name)):
            for one in directories + files:
                whole = os.path.join(path, one)
                status = os.lstat(whole)
                content = pathlib.Path(whole).read_bytes() if one in files else None
                found[os.path.relpath(whole, top)] = (status.st_uid, status.st_gid, oct(status.st_mode), content)
    # A flag of a mailbox without a quota says nothing, and goes with the next change of any user.
    limits = found.get("users/quotas", (None,) * 3 + (b"",))[3].decode().splitlines()
    limited = {f"users/full/{line.split(':')[0]}" for line in limits}
    return {name: what for name, what in found.items() if not name.startswith("users/full/") or name in limited}


def differences(disk, kind, prefix):
    """For each step, what a cut just after it lost or left different."""
    disk.make(kind)
    place, states = Place(disk.mount(kind) / "postern"), []
    power.command("sync", "-f", place.path)  # what was there before the first command
    for number, (words, given) in enumerate(STEPS):
        done = place.run(*words.split(), given=given, prefix=prefix)
        equal(done.code, 0, f"{words}: {done.err}")
        disk.cut(kind, f"step.{number}")
        states.append(state_of(place.path))
    disk.unmount()
    found = []
    for number, before in enumerate(states):
        disk.mount(f"step.{number}", kind)
        after = state_of(place.path)
        found.append(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))
        disk.unmount()
        disk.remove(f"step.{number}")
    return found


if not (reason := power.why_not()):
    power.alone()
    with power.Disk() as the_disk:
        for file_system in KINDS:
            @case(f"{file_system}: what user and domain said was done is there after a power cut", seconds=120)
            def _(kind=file_system):
                found = differences(the_disk, kind, ())
                equal({words: lost for (words, _), lost in zip(STEPS, found) if lost}, {})
                print(f"  {len(found)} cuts")

            @case(f"{file_system}: without their fsync it would not be", seconds=120)
            def _(kind=file_system):
                lost = sum(map(bool, differences(the_disk, kind, WITHOUT_FSYNC)))
                print(f"  {lost} of {len(STEPS)} cuts lost something")
                expect(lost > 0, "nothing was lost without fsync: this test sees nothing")
else:
    @case("user and domain after a power cut")
    def _():
        skip(f"NOT SHOWN: {reason}")

finish()
