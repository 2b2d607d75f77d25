#!/usr/bin/env python3
"""The tree keeps its rules: what lies where, who includes whom, what our objects call, and that every program's row in the manifest,
top comment and man page say the same"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from check import case, equal, expect, finish  # noqa: E402

BUILD = ROOT / os.environ.get("BUILD", "build")
PROGRAM_FOLDERS = "smtpd inject queue send local remote pop3d imapd dnsq auth tools".split()
FLOORS = "core os mail net".split()
TOP_LEVEL = {*PROGRAM_FOLDERS, "Makefile", "tests", "INSTALL", "README.md", "lib", "man", "doc", ".ci", ".gitignore"}
LONGEST_FILE = 400
LONGEST_OF_ROOT = {"local/local-spawn.cc": 300, "auth/login.cc": 300}  # parts of root's programs, in lines


def all_files():
    """The tree's files, without what make or a tool puts there."""
    for folder, folders, names in os.walk(ROOT):
        here = pathlib.Path(folder)
        folders[:] = [name for name in folders if name not in (".git", "__pycache__") and (here != ROOT or name != "build")]
        yield from ((here / name).relative_to(ROOT) for name in names if (here / name).name != ".git")


FILES = sorted(all_files())
SOURCES = [path for path in FILES if path.suffix in (".cc", ".h")]
PROGRAMS = {path.stem: path for path in SOURCES
            if path.suffix == ".cc" and len(path.parts) == 2 and path.parts[0] in PROGRAM_FOLDERS and "_" not in path.name}


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def manifest_rows():
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "rows")
        subprocess.run(["g++", "-std=c++20", "-O0", "-I.", "-o", binary, "tests/manifest_rows.cc"], cwd=ROOT, check=True)
        output = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    rows = {}
    for line in output.splitlines():
        name, account, fds, children, sockets, paths = line.split("\t")
        rows[name] = {"account": account, "fds": fds, "children": children, "sockets": sockets.split(), "paths": paths.split()}
    return rows


ROWS = manifest_rows()


def none(wrong):
    expect(not wrong, "; ".join(map(str, wrong)))


@case("the top level holds what it should, and nothing else")
def _():
    none(sorted({path.parts[0] for path in FILES} - TOP_LEVEL))


@case("includes point downward, and no folder includes another program's")
def _():
    wrong = []
    for path in SOURCES:
        if path.parts[0] == "tests":
            continue
        for include in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            parts = include.split("/")
            if path.parts[0] == "lib":
                is_right = parts[0] == "lib" and FLOORS.index(parts[1]) <= FLOORS.index(path.parts[1])
            else:
                is_right = parts[0] in ("lib", path.parts[0])
            if not is_right or not (ROOT / include).is_file():
                wrong.append(f"{path} includes {include}")
    none(wrong)


@case(f"no file is longer than {LONGEST_FILE} lines, and root's programs are shorter")
def _():
    code = [path for path in FILES if path.suffix in (".cc", ".h", ".py", ".sh", ".mk") or (path.suffix == "" and os.access(ROOT / path, os.X_OK))]
    lengths = {path: len(read(path).splitlines()) for path in code}
    expect(len(lengths) > 100, "the tree was not found")
    none([f"{path}: {length}" for path, length in lengths.items() if length > LONGEST_OF_ROOT.get(str(path), LONGEST_FILE)])


@case("every program has a row, every row a program")
def _():
    equal(sorted(PROGRAMS), sorted(ROWS))


def top_comment(path):
    """{"fds": "0 < client ...", "run by": ...} of a program's first lines; what goes on in the next line belongs to it."""
    fields, last = {}, None
    for line in read(path).splitlines():
        if not line.startswith("//"):
            break
        text = line[3:]
        label = re.match(r"(usage|run by|fds|files|starts|talks to|exits|see)\s+(.*)", text)
        if label:
            last = label[1]
            fields[last] = label[2]
        elif last and text.startswith("   "):
            fields[last] += " " + text.strip()
        else:
            last = None
    for name, text in list(fields.items()):  # "files ...     starts  nothing" in one line
        inner = re.search(r"\s{3,}starts\s+(.*)", text)
        if inner:
            fields["starts"], fields[name] = inner[1], text[: inner.start()]
    return fields


def descriptors(text):
    """The numbers that stand where a descriptor is named: at the beginning and behind wide gaps; in a row, before < or > or a blank."""
    return set(re.findall(r"(?:^|(?<=\s))(\d)(?=\s*[<>]|\s|$)", re.sub(r"\([^)]*\)", "", text)))


for program, source in PROGRAMS.items():
    @case(f"{program}: its top comment agrees with its row")
    def _():
        comment, row = top_comment(source), ROWS[program]
        first = read(source).split("\n", 1)[0]
        expect(first.startswith(f"// {program} - "), f"the first line is {first!r}")
        for label in ("run by", "fds", "exits", "see"):
            expect(label in comment, f"there is no line for {label!r}")
        equal(descriptors(comment["fds"]), descriptors(row["fds"]), "descriptors")
        starts = comment.get("starts", "nothing")
        equal(bool(re.match("nothing|none", starts)), row["children"] == "", f"starts {starts!r} and the row's {row['children']!r}")
        if row["account"].startswith("pn-") or row["account"] == "root":
            expect(row["account"] in comment["run by"], f"run by does not name {row['account']}")
        expect(re.search(rf"\b{re.escape(program)}\([18]\)", comment["see"]), "see does not name its man page")

    @case(f"{program}: its man page is whole and agrees with its row")
    def _():
        pages = [ROOT / "man" / f"{program}.{section}" for section in (1, 8)]
        page = next((page for page in pages if page.exists()), None)
        expect(page, "there is no man page")
        text = page.read_text(encoding="utf-8")
        sections = dict(re.findall(r"^\.Sh ([A-Z ]+)\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S))
        wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "DESCRIPTORS", "ENVIRONMENT", "FILES", "EXIT STATUS", "PRIVILEGES", "EXAMPLES", "SEE ALSO"]
        none([f"no section {name}" for name in wanted if not sections.get(name, "").strip()])
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(page)], capture_output=True, text=True, check=False)
        expect(lint.returncode == 0, lint.stdout)
        row, privileges = ROWS[program], sections["PRIVILEGES"]
        if row["account"].startswith("pn-") or row["account"] == "root":
            expect(row["account"] in privileges.lower(), f"PRIVILEGES does not name {row['account']}")
        named = set(re.findall(r"[^\s,;]+", privileges.replace("\\&", "")))
        named |= {name.rstrip("/.") for name in named}
        none([f"PRIVILEGES does not name {path}" for path in row["paths"] if path != "." and path not in named])


@case("every type that is parsed from foreign bytes is named in a fuzz target")
def _():
    types = {name for path in SOURCES if path.suffix == ".h" for name in re.findall(r"static Result<(\w+)> parse\(Wire", read(path))}
    expect(len(types) > 20, "the types were not found")
    fuzzed = set(re.findall(r"\w+", " ".join(read(path) for path in SOURCES if path.name.endswith("_fuzz.cc"))))
    equal(sorted(types - fuzzed), [])


BANNED = re.compile(
    r"_*(v?(f|s|sn|d|as|vas)?w?printf(_chk)?|v?f?w?scanf|sscanf|system|popen|(secure_)?getenv|setenv|putenv|getpw\w*|getgr(nam|gid|ent)\w*|getaddrinfo|"
    r"gethostby\w*|getservby\w*|st[rp]n?c(py|at)(_chk)?|stpcpy(_chk)?|strtok(_r)?|strto[a-z]+|ato[fil]+|gets|sprintf|ctype_\w+|isoc\w*|"
    r"setlocale|localeconv|strftime|localtime(_r)?|mktime|tmpnam|mktemp|syslog|dlopen|wordexp|glob|regcomp|pthread_create|longjmp|"
    r"cxa_throw|cxa_allocate_exception)"
    r"|std::(basic_)?(ios|[io]?f?stream|[io]?stringstream|streambuf|filebuf|thread|locale|regex)\b.*|std::(cout|cerr|cin|clog)")


@case("our objects call none of the functions that are banned")
def _():
    objects = [path for folder in [*PROGRAM_FOLDERS, "lib"] for path in sorted((BUILD / folder).rglob("*.o"))]
    expect(len(objects) > 50, "build it first")
    wrong, path = [], None
    for line in subprocess.run(["nm", "-uC", *map(str, objects)], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.endswith(":"):
            path = line[:-1]
        elif line.strip():
            name = line.split(None, 1)[1].split("@")[0]
            if BANNED.fullmatch(name):
                wrong.append(f"{os.path.relpath(path, BUILD)} calls {name}")
    none(wrong)


@case("every program confines itself")
def _():
    wrong = []
    for name, source in PROGRAMS.items():
        objects = [BUILD / source.with_suffix(".o"), *(BUILD / source.parts[0]).glob("*_*.o")]
        calls = subprocess.run(["nm", "-uC", *map(str, objects)], check=True, capture_output=True, text=True).stdout
        if not re.search(r"postern::confine(_with)?\(", calls.split("\n\n")[0]):
            wrong.append(name)
    none(wrong)


@case("programs are static, or link what their folder's rules.mk says")
def _():
    dynamic = [name for name, source in PROGRAMS.items()
               if "INTERP" in subprocess.run(["readelf", "-lW", BUILD / source.with_suffix("")], check=True, capture_output=True, text=True).stdout]
    shared = re.findall(r"is_shared_(\S+) :=", " ".join(read(path) for path in FILES if path.name == "rules.mk"))
    equal(sorted(dynamic), sorted(shared))


@case("a second make has nothing to do")
def _():
    done = subprocess.run(["make", "-q", "all"], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")})
    equal(done.returncode, 0, done.stderr)


finish()
