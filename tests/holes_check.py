#!/usr/bin/env python3
"""holes_check - every test that doc/holes.md names is there, and every row of what exists names one"""
import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check import case, equal, expect, finish  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXISTS, _, PLANNED = (ROOT / "doc/holes.md").read_text(encoding="utf-8").partition("## What does not exist yet")
ROWS = [line.strip("| ").split(" | ") for line in EXISTS.splitlines() if re.match(r"\| \d", line)]
NAMED = re.compile(r'`([^`]+)`(?: "([^"]+)")?')


@case("the ledger has rows of five columns, and each number of the ledger's forty once or more")
def _():
    equal([row[0] for row in ROWS if len(row) != 5], [])
    numbers = {int(number) for number in re.findall(r"^\| (\d+)", EXISTS + PLANNED, re.M)}
    equal(set(range(1, 41)) - numbers, set(), "not in the ledger")


for row in ROWS:

    @case(f"hole {row[0]}, {row[1]}: its tests are there")
    def _():
        tests = NAMED.findall(row[-1])
        expect(tests, "no test is named")
        equal(NAMED.sub("", row[-1]).replace(",", "").strip(), "", "what is no test")
        for path, words in tests:
            file = ROOT / path
            expect(file.is_file(), f"{path} is not there")
            expect(re.search(r"_(check\.py|test\.cc|fuzz\.cc)$|dialogue/[a-z0-9-]+\.txt$", path), f"{path} is not run by tests/run")
            expect(words in file.read_text(encoding="utf-8"), f"{path} has no case {words!r}")

finish()
