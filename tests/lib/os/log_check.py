#!/usr/bin/env python3
"""Nothing of ours reaches descriptor 2 but through LogLine, which quotes every value, and main's one last line"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from check import case, equal, expect, finish  # noqa: E402

FOLDERS = "smtpd inject queue send local remote pop3d imapd dnsq auth tools lib".split()
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".cc", ".h")]


# A tool's question to the person at the terminal.
QUESTIONS = {"tools/user_password.cc"}


@case("only the log and main write to descriptor 2")
def _():
    writers = {str(path.relative_to(ROOT)) for path in SOURCES
               if re.search(r"\b(?:write|write_all|writev|dprintf|send)\(\s*(?:2|STDERR_FILENO)\s*,", path.read_text(encoding="utf-8"))}
    expect("lib/os/log.cc" in writers and "lib/os/main.cc" in writers, f"the search finds {writers}")
    equal(writers - {"lib/os/log.cc", "lib/os/main.cc"} - QUESTIONS, set())


@case("keys and events of log lines are words of ours, never values")
def _():
    found = 0
    for path in SOURCES:
        if path.name in ("log.cc", "log.h"):
            continue
        text = path.read_text(encoding="utf-8")
        for call in re.findall(r'LogLine(?:\s+\w+)?\{([^{}]*)\}', text):
            found += 1
            expect(re.fullmatch(r'\s*(?:[\w.]+ \? "[a-z0-9-]+" : )?"[a-z0-9-]+"\s*', call), f"{path.relative_to(ROOT)}: an event that is no literal: {call!r}")
    expect(found > 20, f"only {found} log lines were found")


finish()
