#!/usr/bin/env python3
"""domain: control/virtualdomains and control/locals change by a line, whole and in the operator's order, and no domain goes while it has
mailboxes"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "tools")]
from check import case, contains, equal, expect, finish, skip  # noqa: E402
from tool_directory import ToolDirectory, tool  # noqa: E402

if os.getuid() != 0:
    case("domain")(lambda: skip("needs root: so does the tool"))
    finish()


def domains(place):
    return {one["domain"]: one for one in json.loads(place.must("domain", "list", "--json"))}


def there(place, *names):
    return [name for name in names if os.path.exists(place.file("control", name))]


@case("a virtual domain is one line more, whatever else stands there")
def _():
    with ToolDirectory() as place:
        place.must("domain", "add", "first.example")
        equal(place.read("control/virtualdomains"), "first.example:first.example\n")
        equal(oct(os.stat(place.file("control/virtualdomains")).st_mode & 0o7777), "0o644")
        place.write("control/virtualdomains", "# shops\n\n Shop.example:shop \n.wild.example:wild\n# no newline")
        place.must("domain", "add", "Second.EXAMPLE")
        equal(place.read("control/virtualdomains"), "# shops\n\n Shop.example:shop \n.wild.example:wild\n# no newline\nsecond.example:second.example\n")
        place.must("domain", "add", "sub.wild.example")
        for name in ["second.example", "SHOP.example", "sub.wild.example"]:
            place.refuses("there is such a domain already, in control/virtualdomains", "domain", "add", name)
            place.refuses("there is such a domain already", "domain", "add", name, "--local")
        place.refuses("in control/locals: here.example", "domain", "add", "here.example")
        place.must("domain", "del", "shop.example")
        place.must("domain", "del", "second.example")
        equal(place.read("control/virtualdomains"), "# shops\n\n.wild.example:wild\n# no newline\nsub.wild.example:sub.wild.example\n")
        place.refuses("there is no such domain: second.example", "domain", "del", "second.example")
        place.refuses("no such domain", "domain", "del", "x.wild.example")
        equal(there(place, "locals", "rcpthosts"), [])


@case("a local domain joins control/me, which stays; the last one stays as long as it has mailboxes")
def _():
    with ToolDirectory() as place:
        place.write("control/me", "Here.example\n")
        place.must("domain", "add", "other.example", "--local")
        equal(place.read("control/locals"), "here.example\nother.example\n")
        place.refuses("already, in control/locals", "domain", "add", "other.example")
        place.must("user", "add", "alice")
        place.must("domain", "del", "other.example")
        equal(place.read("control/locals"), "here.example\n")
        place.refuses("this host's own name", "domain", "del", "here.example")
        os.unlink(place.file("control/locals"))
        place.refuses("this host's own name", "domain", "del", "here.example")
        equal(there(place, "locals", "virtualdomains"), [])
        place.write("control/locals", "# mail only\nonly.example\n")
        place.refuses("there are mailboxes without a domain, 1: alice", "domain", "del", "only.example")
        place.must("user", "del", "alice")
        place.must("domain", "del", "only.example")
        equal(place.read("control/locals"), "# mail only\n", "an empty list: no domain is local")


@case("a domain with mailboxes stays, and is told how many and which")
def _():
    with ToolDirectory() as place:
        place.must("domain", "add", "example.org")
        for name in ["a", "b", "c", "d"]:
            place.must("user", "add", f"{name}@example.org")
        place.refuses("4: a@example.org, b@example.org, c@example.org ...", "domain", "del", "example.org")
        for name in ["a", "b", "c"]:
            place.must("user", "del", f"{name}@example.org")
        place.refuses("1: d@example.org", "domain", "del", "example.org")
        place.must("user", "del", "d@example.org")
        place.must("domain", "del", "example.org")
        equal(place.read("control/virtualdomains"), "")
        # as an operator writes them by hand: two domains with the same mailboxes
        place.write("control/virtualdomains", "one.example:shop\ntwo.example:shop\nthree.example:\n")
        place.write("users/assign", "+shop-:shop:5:5:/h/shop:-::\n=other:other:6:6:/h/o:::\n.\n")
        equal({name: (one["kind"], one["mailboxes"], one["prefix"]) for name, one in domains(place).items()},
              {"here.example": ("local", 2, None), "one.example": ("virtual", 1, "shop"), "two.example": ("virtual", 1, "shop"),
               "three.example": ("elsewhere", 0, None)})
        place.refuses("sends mail elsewhere", "domain", "add", "three.example")
        place.must("domain", "del", "two.example")
        place.refuses("1: shop", "domain", "del", "one.example")
        place.must("domain", "del", "three.example")


@case("an international domain is there in both spellings, and goes in both")
def _():
    with ToolDirectory() as place:
        both = "xn--bcher-kva.example:xn--bcher-kva.example\nb\u00fccher.example:xn--bcher-kva.example\n"
        for name in ["b\u00fccher.example", "B\u00dcCHER.example", "bu\u0308cher.example", "xn--bcher-kva.example", "XN--bcher-kva.Example"]:
            place.must("domain", "add", name)
            equal(place.read("control/virtualdomains"), both, name)
            place.refuses("already", "domain", "add", "b\u00fccher.example")
            place.refuses("already", "domain", "add", "xn--bcher-kva.example")
            equal(domains(place)["xn--bcher-kva.example"], {"domain": "xn--bcher-kva.example", "unicode": "b\u00fccher.example", "kind": "virtual",
                                                            "mailboxes": 0, "prefix": "xn--bcher-kva.example"})
            equal(len(domains(place)), 2)
            place.must("domain", "del", "B\u00fccher.example")
            equal(place.read("control/virtualdomains"), "")
        place.must("user", "add", "info@xn--bcher-kva.example")
        equal(place.read("control/virtualdomains"), both)
        place.refuses("1: info@xn--bcher-kva.example", "domain", "del", "b\u00fccher.example")
        place.must("domain", "add", "fa\u00df.example", "--local")
        equal(place.read("control/locals"), "here.example\nxn--fa-hia.example\nfa\u00df.example\n")
        place.must("domain", "del", "xn--fa-hia.example")
        equal(place.read("control/locals"), "here.example\n")


@case("what is no domain, and words that are not understood, are refused in one line; nothing is written")
def _():
    with ToolDirectory() as place:
        for name in ["", ".example.org", "example..org", "example.org.", "-a.example", "a b", "a@b.example", "[192.0.2.1]", "a:b", "a\nb.example", "x" * 64 + ".example",
                     ".".join(["x" * 60] * 5), "\u200d.example", "a,b", "#x"]:
            done = place.run("domain", "add", name)
            equal((done.code, done.err.count("\n")), (100, 1), repr(name))
        for words in [[], ["frob"], ["add"], ["del"], ["add", "a.example", "b.example"], ["list", "x"], ["del", "a.example", "--local"], ["add", "--json", "a.example"],
                      ["list", "--local"]]:
            done = place.run("domain", *words)
            equal((done.code, done.err.count("\n")), (100, 1), str(words))
        equal(there(place, "locals", "virtualdomains"), [])
        place.write("control/virtualdomains", "no colon\n")
        place.refuses("no colon in line: no colon", "domain", "add", "a.example")
        equal(place.read("control/virtualdomains"), "no colon\n")


@case("everybody may list, root alone change; the table says the same as JSON; rcpthosts is named, not changed")
def _():
    with ToolDirectory() as place:
        place.must("domain", "add", "example.org")
        place.must("user", "add", "info@example.org")
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        done = place.run("domain", "list", prefix=nobody)
        equal(done.code, 0, done.err)
        equal([line.split() for line in done.out.splitlines()], [["DOMAIN", "KIND", "MAILBOXES", "PREFIX"], ["here.example", "local", "0", "-"],
                                                                 ["example.org", "virtual", "1", "example.org"]])
        for words in [["add", "b.example"], ["del", "example.org"]]:
            done = place.run("domain", *words, prefix=nobody)
            equal((done.code, done.err), (100, "domain: only root may change domains\n"))
        place.must("user", "del", "info@example.org")
        place.write("control/rcpthosts", "example.org\n")
        contains(place.must("domain", "del", "example.org"), "control/rcpthosts still has example.org")
        equal(place.read("control/rcpthosts"), "example.org\n")


@case("domains that come and go at once lose no line of each other's")
def _():
    with ToolDirectory() as place:
        place.write("control/virtualdomains", "# kept\n")
        for name in [f"gone{i}.example" for i in range(8)]:
            place.must("domain", "add", name)
        words = [["domain", "add", f"new{i}.example"] for i in range(8)] + [["domain", "del", f"gone{i}.example"] for i in range(8)]
        words += [["user", "add", f"info@user{i}.example"] for i in range(8)] + [["domain", "add", f"local{i}.example", "--local"] for i in range(8)]
        children = [subprocess.Popen([tool(one[0]), *one[1:]], env={"POSTERN_DIR": place.path}) for one in words]
        equal([child.wait() for child in children], [0] * len(words))
        lines = place.read("control/virtualdomains").splitlines()
        equal(lines[0], "# kept")
        equal(sorted(lines[1:]), sorted(f"{name}{i}.example:{name}{i}.example" for name in ("new", "user") for i in range(8)))
        equal(sorted(place.read("control/locals").splitlines()), sorted(["here.example"] + [f"local{i}.example" for i in range(8)]))
        equal(sorted(name for name in os.listdir(place.file("control"))), ["locals", "me", "virtualdomains"])
        expect(all(one["mailboxes"] == 1 for name, one in domains(place).items() if name.startswith("user")), "a mailbox is not counted")


finish()
