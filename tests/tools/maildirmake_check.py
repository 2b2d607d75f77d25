#!/usr/bin/env python3
"""maildirmake: makes a Maildir and nothing else"""
import os
import stat
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish  # noqa: E402
from tool_directory import tool  # noqa: E402


def make(*words, where):
    return subprocess.run([tool("maildirmake"), *words], cwd=where, env={}, capture_output=True, text=True, check=False)


@case("a Maildir has three directories, closed to others, however it is named")
def _():
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(work + "/sub")
        for word, path in [("a", "a"), ("b/", "b"), ("./c", "c"), ("sub/d", "sub/d"), (work + "/e", "e"), ("sub/../f//", "f")]:
            done = make(word, where=work)
            equal((done.returncode, done.stderr), (0, ""), word)
            equal(sorted(os.listdir(f"{work}/{path}")), ["cur", "new", "tmp"], word)
            for name in ["", "/tmp", "/new", "/cur"]:
                equal(stat.S_IMODE(os.stat(f"{work}/{path}{name}").st_mode), 0o700, word + name)
        equal(sorted(os.listdir(work)), ["a", "b", "c", "e", "f", "sub"])


@case("what is there stays as it is, also when it is a link")
def _():
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(work + "/there")
        os.symlink("nowhere", work + "/link")
        open(work + "/file", "w", encoding="ascii").close()
        for name in ["there", "link", "file", "link/"]:
            done = make(name, where=work)
            equal(done.returncode, 100, name)
            contains(done.stderr, "there is something of that name already")
        equal(os.listdir(work + "/there"), [])
        expect(not os.path.exists(work + "/nowhere"), "a link was followed")


@case("words that name no new directory are refused in one line")
def _():
    with tempfile.TemporaryDirectory() as work:
        for words in [[], [""], ["."], [".."], ["/"], ["x/.."], ["-x"], ["a", "b"], ["missing/a"]]:
            done = make(*words, where=work)
            equal((done.returncode, done.stderr.count("\n")), (100, 1), str(words))
        equal(os.listdir(work), [])


finish()
