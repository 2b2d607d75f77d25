#!/usr/bin/env python3
"""Who reads a setting, as settings.h has it, against the code: nobody is missing, nobody is named for nothing"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from check import case, equal, expect, finish  # noqa: E402

FOLDERS = "smtpd inject queue send local remote pop3d imapd dnsq auth tools".split()
ROUTES = {"me", "locals", "virtualdomains", "rcpthosts"}  # what lib/mail/routes.cc reads for its callers

table = (ROOT / "lib/os/settings.h").read_text(encoding="utf-8")
READERS = {name: set(readers.split()) for name, readers in
           re.findall(r'\{"([a-z]+)", Kind::[^"]*"[^"]*", "([^"]*)",', table)}
programs = {}  # folder: names of its programs
uses = {}      # folder: settings that its files ask for
for folder in FOLDERS:
    files = sorted((ROOT / folder).glob("*.cc")) if (ROOT / folder).is_dir() else []
    programs[folder] = {path.stem for path in files if "_" not in path.stem}
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    uses[folder] = set(re.findall(r'(?:number|line|line_or_nothing|list)<"([a-z]+)">', text))
    if "Routes::read(" in text:
        uses[folder] |= ROUTES
    if "SmtpRoutes::" in text:
        uses[folder].add("smtproutes")  # read by lib/mail/smtp_routes.cc
    if ".me()" in text:
        uses[folder].add("me")


@case("the table was read")
def _():
    expect(len(READERS) > 30, READERS)
    equal(len(re.findall(r'^    \{"', table, re.M)), len(READERS))


@case("what the code asks for has a reader named in its folder")
def _():
    for folder, names in uses.items():
        for name in names:
            expect(READERS[name] & programs[folder], f"{folder} asks for {name}; settings.h names {READERS[name]}")


@case("who is named as a reader asks for it")
def _():
    where = {program: folder for folder, names in programs.items() for program in names}
    for name, readers in READERS.items():
        for reader in readers:
            expect(name in uses[where[reader]], f"{reader} is named as reader of {name}, but no file of {where[reader]}/ asks for it")


@case("routes read what this test believes they read")
def _():
    text = (ROOT / "lib/mail/routes.cc").read_text(encoding="utf-8")
    equal(set(re.findall(r'list<"([a-z]+)">', text)) | ({"me"} if ".me()" in text else set()), ROUTES)


finish()
