#!/usr/bin/env python3
"""authd as a process of its own: schemes, flags, app passwords, SCRAM, tickets, who may ask, reloading"""
import base64
import os
import pathlib
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from check import case, contains, equal, expect, finish, skip  # noqa: E402

if os.geteuid() != 0:
    @case("authd answers")
    def _():
        skip("NOT SHOWN: takes root")
    finish()

from auth_place import Answer, as_asker, ask, crypt, entry, redeem, salt, write_passwords  # noqa: E402
from authd_running import APP, LOGINS, all_said, all_scrams, authd, kinds, parts, said  # noqa: E402



@case("without users/passwords authd is ready, and lets nobody in")
def _():
    equal(said("alice", "secret"), "Nb")


@case("a passwords file that appears counts with the next login")
def _():
    write_passwords(parts, LOGINS)
    equal(said("alice", "secret"), "Y")


@case("passwords are right or wrong")
def _():
    tries = {("alice", "secret"): "Y", ("alice", "Secret"): "Nb", ("alice", "secret "): "Nb", ("alice", ""): "Nb", ("", ""): "Nb", ("", "secret"): "Nb",
             ("nobody", "secret"): "Nb", ("bob", "secret"): "Nb", ("bob", "other"): "Y", ("spaced", " p a s s "): "Y", ("spaced", "pass"): "Nb",
             ("utf", "pässwörd"): "Y", ("utf", "passwrd"): "Nb", ("none", ""): "Nb", ("nobody-s", "secret"): "Nb", ("nobody-s", "*"): "Nb",
             ("alice", "s" * 511): "Nb", ("alice", "s" * 512): "Nb", ("alice", "s" * 1024): "Nb", ("unknown-scheme", "secret"): "Nb",
             ("alice\n", "secret"): "Nb", ("a" * 1024, "secret"): "Nb", ("alice", b"\xff\xfe"): "Nb"}
    equal(dict(zip(tries, all_said([(*words, {}) for words in tries]))), tries)


@case("a login with a flag is shut for who has its password, and wrong for others")
def _():
    tries = {("shut", "secret"): "Nd", ("shut", "wrong"): "Nb", ("odd", "secret"): "Nd", ("odd", "wrong"): "Nb"}
    equal(dict(zip(tries, all_said([(*words, {}) for words in tries]))), tries)
    equal([kinds(lambda: as_asker(lambda client: client.scram("shut", word))) for word in ("secret", "wrong")], ["Nd", "Nb"])


@case("a login may be typed with the host's domain and in upper case, and a virtual one with its own")
def _():
    tries = {"alice": "alice", "ALICE": "alice", "alice@mini.example": "alice", "Alice@MINI.example": "alice", "alice@example.org": "", "info": "",
             "alice@": "", "@mini.example": "", "alice@other.example": "", "alice@mini.example@mini.example": "", "bob-x": ""}
    got = all_said([(typed, "secret", {}) for typed in tries], 1)
    equal(dict(zip(tries, got)), {typed: f"Y{login}" if login else "N" for typed, login in tries.items()})
    equal(all_said([(typed, "virtual", {}) for typed in ("info@example.org", "Info@Example.ORG", "info@mini.example")], 1),
          ["Yinfo@example.org", "Yinfo@example.org", "N"])


@case("an app password opens the services that it is for, in any spelling, and the main one all")
def _():
    spaced = "-".join(APP[at : at + 4] for at in range(0, 28, 4)).upper()
    tries = [("apps", APP, "imap", "Y"), ("apps", APP, "pop3", "Y"), ("apps", APP, "submission", "Ns"), ("apps", spaced, "imap", "Y"),
             ("apps", APP[::-1], "submission", "Y"), ("apps", APP[:-1], "imap", "Nb"), ("apps", "main", "submission", "Y"), ("alice", APP, "imap", "Nb")]
    got = all_said([(login, word, {"service": service}) for login, word, service, _ in tries])
    equal(got, [want for *_, want in tries])


@case("every scheme that libxcrypt can make a hash by is checked")
def _():
    prefixes = {"$y$": 1, "$gy$": 1, "$7$": 0, "$2b$": 4, "$2a$": 4, "$2y$": 4, "$6$": 1000, "$5$": 1000, "$sha1": 20, "$md5": 0, "$1$": 0, "_": 0, "": 0, "$3$": 0}
    logins, tried = dict(LOGINS), []
    for number, (prefix, count) in enumerate(prefixes.items()):
        setting = salt(prefix, count)
        made = setting and crypt("secret", setting)
        if made and not set(made) & set(":;*!\\"):
            logins[f"scheme{number}"] = made + ":"
            tried.append((prefix, f"scheme{number}"))
    expect(len(tried) >= 8, f"schemes here: {tried}")
    write_passwords(parts, logins)
    right = all_said([(login, "secret", {}) for _, login in tried])
    wrong = all_said([(login, "Secres", {}) for _, login in tried])
    equal({prefix: (a, b) for (prefix, _), a, b in zip(tried, right, wrong)}, {prefix: ("Y", "Nb") for prefix, _ in tried})
    write_passwords(parts, LOGINS)


@case("a hash for which there is not enough memory makes no password wrong: nobody can say now, and the log says why")
def _():
    equal(said("heavy", "secret"), "Nl")
    authd.wait_log(r"event=no-login login=heavy .*reason=no\\x20hash\\x20can\\x20be\\x20made")


@case("a hash of no known scheme is said in the log")
def _():
    said("unknown-scheme", "secret")
    authd.wait_log(r"event=hash login=unknown-scheme error=crypt")


@case("SCRAM-SHA-256 with an independent client")
def _():
    tries = [("alice", "secret"), ("alice@mini.example", "secret"), ("info@example.org", "virtual"), ("alice", "wrong"), ("nobody", "secret"), ("no-keys", "secret"),
             ("a=b,c", "secret")]
    equal(all_scrams([(words, {}) for words in tries]), ["Yalice", "Yalice", "Yinfo@example.org", "Nb", "Nb", "Nb", "Nb"])


@case("SCRAM-SHA-256-PLUS with both channel bindings, and what does not fit the channel")
def _():
    channel = {"exporter": b"x" * 32, "end_point": b"e" * 32}
    plus = "SCRAM-SHA-256-PLUS"
    tries = [("Y", dict(mechanism=plus, header="p=tls-exporter,,", binding=b"x" * 32, **channel)),
             ("Y", dict(mechanism=plus, header="p=tls-server-end-point,,", binding=b"e" * 32, **channel)),
             ("N", dict(mechanism=plus, header="p=tls-exporter,,", binding=b"y" * 32, **channel)),  # somebody else's connection
             ("N", dict(mechanism=plus, header="p=tls-exporter,,", binding=b"e" * 32, **channel)),
             ("N", dict(mechanism=plus, header="p=tls-unique,,", binding=b"x" * 32, **channel)),
             ("N", dict(mechanism=plus, header="p=tls-exporter,,", binding=b"")),
             ("N", dict(mechanism=plus, header="n,,", **channel)),
             ("N", dict(header="p=tls-exporter,,", binding=b"x" * 32, **channel)),
             ("Y", dict(header="n,,", **channel)),
             ("N", dict(header="y,,", **channel)),  # the list of mechanisms was tampered with
             ("Y", dict(header="y,,")),
             ("Y", dict(header="n,a=alice,")),
             ("N", dict(header="n,a=bob,"))]
    equal([answer[0] for answer in all_scrams([(("alice", "secret"), how) for _, how in tries])], [want for want, _ in tries])


@case("a forged or broken message of SCRAM is wrong, and the next exchange goes on")
def _():
    forged = [lambda final: final[:-4] + ("AAA=" if final[-4:] != "AAA=" else "BBB="), lambda final: final.replace("r=", "r=x"),
              lambda final: "c=eSws" + final[final.index(","):], lambda final: final[: final.index(",p=")], lambda final: final + ",x=1",
              lambda final: "", lambda final: "\x7f" * 2000]
    equal(all_scrams([(("alice", "secret"), {"forge": one}) for one in forged]), ["Nb"] * len(forged))

    def run(client):
        return [client.first("SCRAM-SHA-256", "nonsense"), client.first("X", "n,,n=a,r=b"), client.scram("alice", "secret", forge=forged[0]),
                client.scram("alice", "secret")]
    equal([answer[0] + answer[4] for answer in as_asker(run)], ["Nb", "Nb", "Nb", "Y"])


@case("a login without SCRAM keys and one that does not exist look like any other, and the same each time")
def _():
    def run(client):
        looks = []
        for name in ("alice", "no-keys", "nobody", "Nobody", "nobody@mini.example", "other"):
            for _ in range(2):
                looks.append(client.first("SCRAM-SHA-256", f"n,,n={name},r=abc").message)
        return looks
    looks = as_asker(run)
    parsed = [dict(part.split("=", 1) for part in look.split(",")) for look in looks]
    equal({look["i"] for look in parsed}, {"4096"})
    equal({len(base64.b64decode(look["s"])) for look in parsed}, {16})
    salts = [look["s"] for look in parsed]
    equal(salts[0::2], salts[1::2])
    equal((len({look["r"] for look in parsed}), salts[4] == salts[6] == salts[8], len(set(salts))), (len(looks), True, 4))


@case("a ticket is redeemed once, by its service, for the mailbox of the login")
def _():
    uid, home, _ = parts.mailboxes["alice"]
    ticket = ask("alice", "secret", user="pn-login", service="pop3").ticket
    equal(len(ticket), 32)
    equal([redeem("pop3", ticket), redeem("pop3", ticket)[0]], [("Y", ["alice", str(uid), str(uid), home]), "N"])
    ticket = ask("alice", "secret", user="pn-login", service="imap").ticket
    equal([redeem("pop3", ticket)[0], redeem("imap", ticket)[0]], ["N", "N"])
    ticket = ask("info@example.org", "virtual", user="pn-login", service="imap").ticket
    equal(redeem("imap", ticket), ("Y", ["info@example.org", *[str(parts.mailboxes["example.org-info"][0])] * 2, parts.mailboxes["example.org-info"][1]]))
    equal(redeem("imap", "0" * 32)[0], "N")
    equal(ask("alice", "secret").ticket, "")  # submission needs none
    answer = Answer(*as_asker(lambda client: client.scram("alice", "secret", service="imap"), "pn-login"))
    equal(redeem("imap", answer.ticket)[0], "Y")


@case("a ticket of a login without a mailbox, or for what is part of another's, opens nothing")
def _():
    write_passwords(parts, dict(LOGINS, **{"bob-x": "secret", "ghost": "secret"}))
    for login in ("ghost", "bob-x"):
        ticket = ask(login, "secret", user="pn-login", service="imap").ticket
        equal((len(ticket), redeem("imap", ticket)[0]), (32, "N"))
    write_passwords(parts, LOGINS)


@case("only submission and the logins may ask, only root redeems")
def _():
    def refused(path):
        def run(client):
            client.close()
            with socket.socket(socket.AF_UNIX) as stream:
                stream.settimeout(20)
                stream.connect(path)
                return stream.recv(1) == b""
        return run
    for user in ("pn-smtp", "pn-queue", "pn-count", "nobody"):
        equal(as_asker(refused("run/authd/s"), user), True, user)
        equal(as_asker(refused("run/authd-tickets/s"), user), True, user)
    equal([as_asker(refused("run/authd-tickets/s"), user) for user in ("pn-submit", "pn-login", "pn-auth")], [True] * 3)
    with socket.socket(socket.AF_UNIX) as stream:  # root asks with a ticket, never with a password
        stream.settimeout(20)
        stream.connect("run/authd/s")
        equal(stream.recv(1), b"")


@case("a success is remembered until the file or a setting changes")
def _():
    slow = dict(LOGINS, slow=entry("secret", salt("$6$", 300_000), scram=False))  # some tenths of a second
    write_passwords(parts, slow)
    def times(client):
        taken = []
        for word in ("secret", "secret"):
            began = time.monotonic()
            equal(client.password("slow", word).kind, "Y")
            taken.append(time.monotonic() - began)
        return taken
    first, second = as_asker(times)
    print(f"  {first:.3f} s, then {second:.3f} s")
    contains(authd.log().splitlines()[-1], "by=remembered")
    equal(said("slow", "secret", service="imap"), "Y")
    expect("by=password" in authd.log().splitlines()[-1], "remembered for another service")
    write_passwords(parts, slow)
    equal(said("slow", "secret"), "Y")
    contains(authd.log().splitlines()[-1], "by=password")
    write_passwords(parts, dict(LOGINS, slow="changed"))
    equal([said("slow", "secret"), said("slow", "changed")], ["Nb", "Y"])
    write_passwords(parts, dict(LOGINS, slow=entry("changed", flags="disabled")))
    equal(said("slow", "changed"), "Nd")
    write_passwords(parts, LOGINS)
    equal(said("slow", "changed"), "Nb")


@case("a file that became wrong is said, and what was before counts")
def _():
    write_passwords(parts, {"alice": "broken line:::::::", "bob": "x"})
    equal(said("alice", "secret"), "Y")
    authd.wait_log(r"event=settings error=\S*users/passwords\S* counts=what")
    parts.control("trustedclients", "no address\n")
    equal(said("alice", "secret"), "Y")
    authd.wait_log(r"event=settings error=control/trustedclients")
    os.unlink("control/trustedclients")
    write_passwords(parts, LOGINS)


finish()
